"""What each figure of a report counts, in the words of docs/figures.md: a test compares them. Pure."""

from typing import NamedTuple


class Definition(NamedTuple):
    term: str  # as pages name the figure
    text: str


# By the headings of docs/figures.md, in the order of a page.
DEFINITIONS = {
    "clicks": Definition(
        "Taps and visits",
        "Visits that were sent where the link leads, by who made them. Those of people are taps; machines stand beside "
        "them and are in no other figure.",
    ),
    "contacts": Definition("Contacts", "Contacts with a link of the broadcast."),
    "unique_contacts": Definition(
        "People who tapped",
        "Contacts with at least one tap. Visitors of shared links have no contact and are not in it.",
    ),
    "click_through_rate": Definition("Click-through", "People who tapped as a share of the contacts."),
    "seconds_to_tap.median": Definition(
        "Time to tap",
        "From the send, or the first minting without one, to each contact's first tap since. Taps from before the send "
        "are no time to tap.",
    ),
    "visitors": Definition(
        "Visitors of shared links",
        "People behind shared links: different addresses and browsers, by the day. The same person tomorrow is another "
        "visitor.",
    ),
    "previews_delivered": Definition(
        "Previews seen",
        "Contacts whose messaging app fetched a preview: the message was there. Many apps fetch none, so this is no "
        "share of deliveries.",
    ),
    "segments": Definition("Segments", "Parts of messages that were composed; carriers are paid for each."),
    "by_reason": Definition(
        "Why they are no people", "Visits that are no person's, by class and by the rule that decided."
    ),
    "by_destination": Definition(
        "Links in the text",
        "Engagement of each destination, with a row for each that was in force while it was tapped.",
    ),
    "by_device": Definition(
        "Devices and places",
        "Taps, the most first. Places are those of the network: a phone's city or region is mostly its carrier's "
        "gateway.",
    ),
    "forwarded": Definition(
        "Forwarded",
        "Personal links that people tapped with devices that differ by type, system or browser. The recipient is the "
        "first device. One person with a phone and a desktop, or with a browser inside an app, is two here, and two "
        "people with the same phone are one.",
    ),
    "passed_on_links": Definition(
        "Passed on", "Personal links that more than three visitors tapped on one day: more than one person is."
    ),
    "canaries": Definition(
        "Canaries", "Links that went to nobody, or to phones of one's own: they are in no other figure."
    ),
}
NUMBERS = {name: number for number, name in enumerate(DEFINITIONS, 1)}
