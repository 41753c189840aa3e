use super::*;
use crate::s7comm::{Block, BlockType, Blocks, Tsdu, command};
use crate::{Class, Item, Space};

fn name(text: &[u8; 8]) -> Option<(BlockType, u32)> {
    Block::of_name(*text).map(|block| (block.kind, block.number))
}

#[test]
fn names_of_blocks() {
    assert_eq!(name(b"0A00001P"), Some((BlockType::Db, 1)));
    assert_eq!(name(b"0800001A"), Some((BlockType::Ob, 1)));
    assert_eq!(name(b"0E99999B"), Some((BlockType::Fb, 99_999)));
    for wrong in [b"0A0001xP", b"0900001P", b"1A00001P", b"0A00001X", b"0A0000 P"] {
        assert_eq!(name(wrong), None);
    }
}

fn items(parameters: &str) -> Vec<Item<'static>> {
    let pdu = job(parameters, "");
    let still = |item: Item<'_>| (item.space, item.start, item.class);
    let items: Vec<_> = command(&pdu).unwrap().items.map(still).collect();
    let item = |(space, start, class)| Item { space, start, ..Item::bare(class) };
    items.into_iter().map(item).collect()
}

#[test]
fn each_block_of_a_service_is_an_item() {
    // FC 1 and DB 2 are deleted.
    let blocks = "0200 3043303030303150 3041303030303250";
    let told = items(&format!("28 000000000000fd 0012 {blocks} 05 5f44454c45"));
    let places: Vec<_> = told.iter().map(|item| (item.space, item.start)).collect();
    assert_eq!(places, [(Space::Block(BlockType::Fc), 1), (Space::Block(BlockType::Db), 2)]);
    assert!(told.iter().all(|item| item.class == Class::ProgramWrite));
}

/// A list that lies about its length names no blocks: then no rule for blocks gives it.
#[test]
fn a_list_of_blocks_is_read_whole_or_not() {
    for wrong in ["0300 3043303030303150", "0000", "0100 3043303030303158", "01", ""] {
        let bytes = hex(wrong);
        let pdu = data(&[&[0x32], &bytes[..]].concat());
        let mut argument = Tsdu::read(&pdu);
        argument.byte();
        assert!(Blocks::read(argument).is_none(), "{wrong}");
    }
}

#[test]
fn a_download_names_its_block() {
    let told = items("1d 00 0000 00000000 09 5f3041303030303141");
    assert_eq!((told[0].space, told[0].start), (Space::Block(BlockType::Db), 1));
    let other = items("1d 00 0000 00000000 04 5f4e5f41");
    assert_eq!(other[0].space, Space::None, "a file of a numerical control");
}
