//! A Modbus request that is [read at one look](modbus::brief), and judged at one: its class is given whole.
//!
//! Nothing but an event comes of it, and its answer is waited for. Whatever else it may be is for the
//! [judge](crate::judge), who would say the same of it.

use wicketgate_dissectors::modbus::{Function, brief};
use wicketgate_dissectors::{Protocol, modbus};
use wicketgate_packet::Time;

use crate::event::{EventRing, Label, standing};
use crate::flow::Flow;
use crate::stream::Pending;
use crate::tables::{Given, RuleId};

/// Has a request pass, which comes back as what it is. `None`, with nothing changed, where that has to be judged.
#[inline(always)]
pub(crate) fn pass_request<'p>(
    now: Time,
    flow: &Flow,
    given: &Given,
    pending: &mut Pending,
    events: &mut EventRing,
    pdu: &'p [u8],
) -> Option<&'p [u8; brief::REQUEST]> {
    let pdu = pdu.as_array()?;
    let request = &modbus::brief::request(pdu)?;
    let class = request.function.class;
    let rule = given.open_to(class)?;
    if !events.has_room(standing(given.essential, class), 1) {
        return None;
    }
    tell(now, flow, events, request, rule, pdu);
    pending.push(request.key);
    Some(pdu)
}

#[inline(always)]
fn tell(
    now: Time,
    flow: &Flow,
    events: &mut EventRing,
    request: &brief::Request,
    rule: RuleId,
    pdu: &[u8; brief::REQUEST],
) {
    let slot = events.next_slot();
    let Some(told) = slot.and_then(|slot| slot.command_of(now, flow)) else { return };
    let &Function { code, class, name, space, .. } = request.function;
    told.endpoint = flow.endpoint;
    (told.protocol, told.class, told.name) = (Protocol::Modbus, class, name);
    (told.function, told.sub, told.unit) = (code.into(), None, request.unit);
    told.object = (space, request.start.into(), request.count.into());
    if !told.tag.is_empty() {
        told.tag = Label::EMPTY;
    }
    (told.denied, told.observed, told.rule) = (None, false, Some(rule));
    told.set_payload(pdu);
}
