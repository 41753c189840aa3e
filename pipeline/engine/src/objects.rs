//! Which objects of a CIP device an entry of a matcher reaches: by class, instance and attribute, by
//! the name of a tag, by the number of a data file.

use wicketgate_dissectors::enip::{Path, Segment};
use wicketgate_dissectors::{Item, Scalar, Space};

use crate::matcher::RangeSet;
use crate::nodes::NodeRule;
use crate::operands::{self, Range};
use crate::pattern::{ANY_INDEX, Pattern};

/// Objects of a device, or nodes of a server.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ObjectRule {
    /// All.
    #[default]
    Any,
    /// These of a CIP device.
    Only(Box<Objects>),
    /// These, of an S7 controller: all of an item lies in one of the ranges.
    Operands(Box<[Range]>),
    /// These of an OPC UA server.
    Nodes(Box<NodeRule>),
}

/// Objects that are named; an object must fit what is said of its kind, and a kind of which nothing is
/// said is not reached.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Objects {
    /// Objects of a class.
    pub instances: Option<Instances>,
    /// Tags, by name.
    pub tags: Box<[Glob]>,
    /// Elements of data files.
    pub files: Box<[FileRange]>,
}

/// Objects of a class. Of a path that names several objects, all must fit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Instances {
    /// Their classes.
    pub classes: RangeSet,
    /// Their numbers; connection points are the numbers of assemblies.
    pub instances: RangeSet,
    /// Their attributes.
    pub attributes: RangeSet,
}

/// Elements of one data file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileRange {
    /// File type.
    pub kind: u8,
    /// File number.
    pub number: u16,
    /// First and last element.
    pub elements: (u32, u32),
}

/// A [`Pattern`] of tag names. Upper and lower case are the same, as they are for controllers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Pattern);

impl ObjectRule {
    /// Whether `item` is one of these objects.
    #[inline]
    pub fn reaches(&self, item: &Item<'_>) -> bool {
        match self {
            ObjectRule::Any => true,
            ObjectRule::Only(objects) => objects.reach(item),
            ObjectRule::Operands(ranges) => operands::reach(ranges, item),
            ObjectRule::Nodes(nodes) => nodes.reaches(item),
        }
    }

    /// The type of what `item` holds, where the rule says it.
    pub fn scalar(&self, item: &Item<'_>) -> Option<Scalar> {
        let ObjectRule::Operands(ranges) = self else { return None };
        ranges.iter().find_map(|range| range.scalar(item))
    }
}

impl Objects {
    #[inline(never)]
    fn reach(&self, item: &Item<'_>) -> bool {
        match item.space {
            Space::Tag => {
                let mut name = Name::default();
                // Of several elements of an array, the index that the name ends with is only the first:
                // then a pattern must leave that open.
                name.spell(item.path, item.count > 1);
                let name = name.letters();
                name.is_some_and(|name| self.tags.iter().any(|Glob(tag)| tag.fits(name)))
            }
            Space::Object { .. } => self.instances.as_ref().is_some_and(|of| of.hold(item.path)),
            Space::DataFile { kind, number } => self.files.iter().any(|file| {
                let last = item.start.saturating_add(item.count.saturating_sub(1));
                let (first, end) = file.elements;
                (file.kind, file.number) == (kind, number) && first <= item.start && last <= end
            }),
            _ => false,
        }
    }
}

impl Instances {
    /// Every class, instance and attribute in the path is in its set, and where a set does not hold
    /// everything, the path names at least one.
    fn hold(&self, path: Path<'_>) -> bool {
        let mut named = [
            self.classes == RangeSet::Any,
            self.instances == RangeSet::Any,
            self.attributes == RangeSet::Any,
        ];
        let [class, instance, attribute] = &mut named;
        let all = path.segments().all(|segment| match segment {
            Segment::Class(number) => {
                *class = true;
                self.classes.contains(u32::from(number))
            }
            Segment::Instance(number) | Segment::ConnectionPoint(number) => {
                *instance = true;
                self.instances.contains(number)
            }
            Segment::Attribute(number) => {
                *attribute = true;
                self.attributes.contains(u32::from(number))
            }
            _ => true,
        });
        all && named == [true; 3]
    }
}

impl Glob {
    /// The pattern `text`.
    pub fn new(text: &str) -> Glob {
        Glob(Pattern::new(text.to_ascii_lowercase().into_bytes()))
    }

    /// The pattern, in lower case.
    pub fn text(&self) -> &str {
        str::from_utf8(self.0.text()).unwrap_or_default()
    }
}

/// Letters of the longest name that a pattern is held against; a longer one fits none.
const MAX_NAME: usize = 256;

/// The name of a tag in lower case.
struct Name {
    letters: [u8; MAX_NAME],
    len: usize,
}

impl Default for Name {
    fn default() -> Name {
        Name { letters: [0; MAX_NAME], len: 0 }
    }
}

impl Name {
    /// Spells the path: `program:main.motor[3].speed`.
    fn spell(&mut self, path: Path<'_>, several: bool) {
        let is_name = |segment: &Segment<'_>| matches!(segment, Segment::Symbol(_));
        let mut names_left = if several { path.segments().filter(is_name).count() } else { 0 };
        for segment in path.segments() {
            match segment {
                Segment::Symbol(name) => {
                    names_left = names_left.saturating_sub(1);
                    self.extend(if self.len > 0 { b"." } else { b"" });
                    self.extend(name);
                }
                // Elements are counted on over the end of the last index.
                Segment::Member(_) if several && names_left == 0 => {
                    self.extend(&[b'[', ANY_INDEX, b']']);
                }
                Segment::Member(index) => self.index(index),
                // Whatever else stands in a path could lead elsewhere: no pattern fits.
                _ => self.len = MAX_NAME + 1,
            }
        }
    }

    fn index(&mut self, index: u32) {
        self.extend(b"[");
        let mut divisor = 1_000_000_000;
        while divisor > 0 {
            if index >= divisor || divisor == 1 {
                self.extend(&[b'0' + (index / divisor % 10) as u8]);
            }
            divisor /= 10;
        }
        self.extend(b"]");
    }

    /// A name that is too long stays too long.
    fn extend(&mut self, more: &[u8]) {
        let end = self.len + more.len();
        match self.letters.get_mut(self.len..end) {
            Some(to) => {
                to.copy_from_slice(more);
                to.make_ascii_lowercase();
                self.len = end;
            }
            None => self.len = MAX_NAME + 1,
        }
    }

    fn letters(&self) -> Option<&[u8]> {
        self.letters.get(..self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wicketgate_dissectors::enip::Target;
    use wicketgate_dissectors::{Class, Item};

    fn tag(path: &[u8], count: u32, pattern: &str) -> bool {
        let path = Target::read(path).unwrap().path;
        let item = Item { space: Space::Tag, count, path, ..Item::bare(Class::Read) };
        let tags = [Glob::new(pattern)].into();
        ObjectRule::Only(Box::new(Objects { tags, ..Objects::default() })).reaches(&item)
    }

    /// Program:Main.Motor[3].Speed
    const SPEED: &[u8] = b"\x91\x0cProgram:Main\x91\x05Motor\0\x28\x03\x91\x05Speed\0";

    #[test]
    fn tags_are_matched_by_name_without_regard_to_case() {
        for pattern in [
            "Program:Main.Motor[3].Speed",
            "program:main.*",
            "*",
            "*.speed",
            "*[?].s*d",
            "Program:Main.Motor[*].Speed*",
        ] {
            assert!(tag(SPEED, 1, pattern), "{pattern}");
        }
        for pattern in ["", "Program:Main", "Motor*", "*[4]*", "*.speed?", "Program:Main.Motor[3]"]
        {
            assert!(!tag(SPEED, 1, pattern), "{pattern}");
        }
    }

    #[test]
    fn several_elements_need_a_pattern_that_leaves_the_index_open() {
        let motor = b"\x91\x05Motor\0\x28\x03";
        assert!(tag(motor, 1, "Motor[3]"));
        assert!(!tag(motor, 2, "Motor[3]") && !tag(motor, 2, "Motor[?]"));
        assert!(tag(motor, 2, "Motor[*]") && tag(motor, 2, "motor*"));
        let matrix = b"\x91\x01M\0\x28\x01\x28\x02";
        assert!(tag(matrix, 1, "M[1][2]") && tag(matrix, 2, "M[*][*]"));
        assert!(!tag(matrix, 2, "M[1][*]"), "runs on into M[2]");
    }

    #[test]
    fn a_name_that_is_too_long_fits_no_pattern() {
        let part = [b"\x91\x64".as_slice(), &[b'a'; 100]].concat();
        assert!(tag(&part.repeat(2), 1, "*"));
        assert!(!tag(&part.repeat(3), 1, "*"));
    }

    #[test]
    fn a_path_that_leads_elsewhere_fits_no_pattern() {
        assert!(tag(b"\x91\x01A\0", 1, "*"));
        assert!(!tag(b"\x01\x00\x91\x01A\0", 1, "*"), "by a port");
        assert!(!tag(b"\x91\x01A\0\x30\x01", 1, "*"), "an attribute");
    }

    fn object(path: &[u8], instances: Instances) -> bool {
        let path = Target::read(path).unwrap().path;
        let space = Space::Object { class: 4, attribute: None };
        let item = Item { space, path, ..Item::bare(Class::Read) };
        let instances = Some(instances);
        ObjectRule::Only(Box::new(Objects { instances, ..Objects::default() })).reaches(&item)
    }

    #[test]
    fn every_object_of_a_path_must_fit() {
        let only = |list: &[(u32, u32)]| RangeSet::of(list.to_vec());
        let assemblies = || Instances { classes: only(&[(4, 4)]), ..Instances::default() };
        assert!(object(&[0x20, 4, 0x24, 100], assemblies()));
        assert!(object(&[0x21, 0, 4, 0, 0x24, 100], assemblies()), "of 16 bits");
        assert!(!object(&[0x20, 4, 0x24, 1, 0x20, 1, 0x24, 1], assemblies()));
        assert!(!object(&[0x20, 1, 0x24, 1, 0x20, 4, 0x24, 1], assemblies()));
        let some = Instances { instances: only(&[(100, 101)]), ..assemblies() };
        assert!(object(&[0x20, 4, 0x2c, 100, 0x2c, 101], some.clone()), "connection points");
        assert!(!object(&[0x20, 4, 0x2c, 100, 0x2c, 102], some.clone()));
        assert!(!object(&[0x20, 4], some), "no instance is not every instance");
    }
}
