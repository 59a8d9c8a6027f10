"""What the reasons of verdicts mean, a sentence each, for people who read a report. Pure.

A test finds every reason that the rules can give here.
"""

NO_REASON = "No rule decided."
_APP = "the app fetched a preview of the page to show beside the message"

MEANINGS = {
    # Of the rows beside a visit (visitors/neighbours.py).
    "many-contacts-one-network": "One network tapped the links of many contacts within a minute, as a scanner does.",
    "too-soon-after-send": "It came within a second of the send, faster than anybody reads a text.",
    "all-links-at-once": "It opened every link of the message within two seconds.",
    # Of headers and networks (visitors/classify.py).
    "own-verify": "Taptrail itself asked, to verify the broadcast.",
    "agent-no-browser-writes": "It named itself as no browser of a person does.",
    "hint-headless-chrome": "The browser said that it runs without a screen.",
    "purpose-prefetch": "The browser loaded the page ahead of a tap that may never come.",
    "purpose-preview": "The browser said that it fetched a preview.",
    "method-head": "It asked whether the page is there and did not want the page.",
    "fetch-navigate": "A browser opened the page because somebody tapped.",
    "fetch-not-a-page": "It wanted a picture or a script, not a page.",
    "agent-browser": "It named itself as a browser of a person does.",
    "agent-not-known": "It named itself as neither a known browser nor a known machine.",
    "network-security-vendor": "It came from the network of a company that sells security software.",
    "network-hosting": "It came from rented machines: a scanner, or a person behind a VPN.",
    # Public lists (visitors/lists.py).
    "list-isbot": "The public list isbot names it as a machine.",
    "list-crawler-user-agents": "The public list crawler-user-agents names it as a machine.",
    # What a user agent names (visitors/agents.py).
    "agent-empty": "It did not say what it is; every browser does.",
    "agent-bare-mozilla": "It sent the bare name that Google's scan of text messages sends.",
    "agent-imessage-preview": f"iMessage: {_APP}.",
    "agent-google-messages": f"Google Messages: {_APP}.",
    "agent-signal": f"Signal: {_APP}.",
    "agent-whatsapp": f"WhatsApp: {_APP}.",
    "agent-slack": f"Slack: {_APP}.",
    "agent-telegram": f"Telegram: {_APP}.",
    "agent-discord": f"Discord: {_APP}.",
    "agent-skype-teams": f"Skype or Teams: {_APP}.",
    "agent-snapchat": f"Snapchat: {_APP}.",
    "agent-viber": f"Viber: {_APP}.",
    "agent-line": f"LINE: {_APP}.",
    "agent-kakaotalk": f"KakaoTalk: {_APP}.",
    "agent-linkedin": "LinkedIn fetched a preview of the page.",
    "agent-facebook": "Facebook or Instagram fetched a preview of the page.",
    "agent-x": "X fetched a preview of the page.",
    "agent-google-page-renderer": "Google drew a picture of the page.",
    "agent-microsoft-preview": "Microsoft fetched a preview of the page.",
    "agent-reddit": "Reddit fetched a preview of the page.",
    "agent-fediverse": "Mastodon, Bluesky or a server like them fetched a preview of the page.",
    "agent-team-chat": f"Mattermost, Matrix or Rocket.Chat: {_APP}.",
    "agent-embedding-service": "A service that puts previews into other sites fetched one.",
    "agent-link-preview": "It named itself as a program that draws previews of links.",
    "agent-prefetch-proxy": "Chrome's proxy loaded the page ahead of a tap that may never come.",
    "agent-app-link-verifier": "A phone's system checked which app opens links of the short domain.",
    "agent-bitly": "Bitly looked where the link leads.",
    "agent-headless-browser": "A browser that a program drives opened the page.",
    "agent-barracuda": "Barracuda's mail security looked whether the link is dangerous.",
    "agent-mail-security": "Security software for mail looked whether the link is dangerous.",
    "agent-google-safety": "Google looked whether the link is dangerous.",
    "agent-security-scan": "A security scanner looked whether the link is dangerous.",
    "agent-tool": "A programmer's tool fetched the page, such as curl.",
    "agent-app-library": "An app on a phone asked by itself: a preview, a check or a download.",
    "agent-named-bot": "It named itself a bot.",
    "agent-crawler": "It named itself a crawler, spider or archiver.",
    "agent-monitor": "A service that watches whether sites are up fetched the page.",
    "agent-page-speed": "A service that measures how fast pages load fetched the page.",
    "agent-checker": "A program that checks links fetched the page.",
    "agent-google": "One of Google's crawlers fetched the page.",
    "agent-web-address": "It gave a web address where its owner explains what it is; browsers give none.",
    "agent-mail-address": "It gave the mail address of its owner; browsers give none.",
    "agent-compatible": "It called itself compatible with browsers, as crawlers do.",
}


def meaning_of(reason: str) -> str:
    """Of a reason that rules of another version gave, its name."""
    return MEANINGS.get(reason) or (f"A rule of another version decided: {reason}." if reason else NO_REASON)
