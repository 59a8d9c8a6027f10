"""Contacts as programs export them, byte for byte: Zoe and Ana, each with a phone number, a segment and a note."""

from typing import NamedTuple


class Export(NamedTuple):
    name: str
    content: bytes
    mapping: dict[str, str]
    lines: list[tuple[int, str, str, str]]  # line number, contact id, audience, first name
    encoding: str = "UTF-8"


BOM = b"\xef\xbb\xbf"
PHONE = {"contact_id": "Phone", "audience": "Segment", "first_name": "First Name"}
ZOE, ANA = "+4915161234567", "+33612345678"

EXPORTS = [
    Export(
        "Excel in German, CSV UTF-8",
        BOM
        + "Telefon;Vorname;Segment;Notiz\r\n"
        '+4915161234567;Zoë;vip;"Ring 5; 2. Stock\nHinterhaus"\r\n'
        '+33612345678;Ana;neu;"sagt ""hallo"""\r\n'.encode(),
        {"contact_id": "Telefon", "audience": "Segment", "first_name": "Vorname"},
        [(2, ZOE, "vip", "Zoë"), (4, ANA, "neu", "Ana")],
    ),
    Export(
        "Excel in German, CSV (Trennzeichen-getrennt)",
        "Telefon;Vorname;Segment;Preis\r\n+4915161234567;Zoë;vip;12,50 €\r\n+33612345678;Ana;neu;\r\n".encode("cp1252"),
        {"contact_id": "Telefon", "first_name": "Vorname", "audience": "segment"},
        [(2, ZOE, "vip", "Zoë"), (3, ANA, "neu", "Ana")],
        "Windows-1252",
    ),
    Export(
        "Excel, Unicode Text",
        "Phone\tFirst Name\tSegment\tNote\r\n"
        '+4915161234567\tZoë\tvip\t"one\ntwo"\r\n+33612345678\tAna\tnew\t春\r\n'.encode("utf-16"),
        PHONE,
        [(2, ZOE, "vip", "Zoë"), (4, ANA, "new", "Ana")],
        "UTF-16",
    ),
    Export(
        "Excel in English, CSV",
        'Phone,First Name,Segment,Note\r\n+4915161234567,Zoë,vip,“quoted”\r\n+33612345678,Ana,new,"a, b"\r\n'.encode(
            "cp1252"
        ),
        PHONE,
        [(2, ZOE, "vip", "Zoë"), (3, ANA, "new", "Ana")],
        "Windows-1252",
    ),
    Export(
        "Excel with its line sep=",
        b"sep=;\r\ncontact_id;audience;first_name\r\n+4915161234567;vip;Zoe\r\n+33612345678;new;Ana\r\n",
        {},
        [(3, ZOE, "vip", "Zoe"), (4, ANA, "new", "Ana")],
    ),
    Export(
        "Google Sheets, CSV",
        'Phone,First Name,Segment,Note\r\n+4915161234567,Zoë,vip,"two\nlines"\r\n+33612345678,Ana,new,'.encode(),
        PHONE,
        [(2, ZOE, "vip", "Zoë"), (4, ANA, "new", "Ana")],
    ),
    Export(
        "Google Sheets, TSV",
        "Phone\tFirst Name\tSegment\tNote\r\n+4915161234567\tZoë\tvip\tab\r\n+33612345678\tAna\tnew\t5, 6".encode(),
        PHONE,
        [(2, ZOE, "vip", "Zoë"), (3, ANA, "new", "Ana")],
    ),
    Export(
        "HubSpot",
        BOM
        + '"Record ID","First Name","Last Name","Email","Phone Number","Lead Status","Create Date"\n'
        '"51","Zoë","Lee","zoe@mail.example","+4915161234567","vip","2026-05-01 09:30"\n'
        '"1051","Ana","O\'Neil, Jr.","ana@mail.example","+33612345678","","2026-05-02 10:00"\n'.encode(),
        {"contact_id": "Phone Number", "audience": "Lead Status"},
        [(2, ZOE, "vip", "Zoë"), (3, ANA, "", "Ana")],
    ),
    Export(
        "Salesforce, report of details",
        '"Contact ID","First Name","Mobile","Lead Source","Mailing Street"\n'
        '"0035g00000AbCdE","Zoë","(030) 12345","vip","Ring 5\n2. Stock"\n'
        '"0035g00000AbCdF","Ana","","new",""\n'.encode(),
        {"audience": "Lead Source"},
        [(2, "0035g00000AbCdE", "vip", "Zoë"), (4, "0035g00000AbCdF", "new", "Ana")],
    ),
    Export(
        "Mailchimp",
        "Email Address,First Name,Last Name,Phone Number,MEMBER_RATING,OPTIN_TIME,NOTES,TAGS\n"
        'zoe@mail.example,Zoë,Lee,+4915161234567,2,"2026-05-01 09:30:00",,"""vip"",""spring"""\n'
        'ana@mail.example,Ana,,+33612345678,3,"2026-05-02 10:00:00",,\n'.encode(),
        {"contact_id": "Email Address", "audience": "TAGS"},
        [(2, "zoe@mail.example", '"vip","spring"', "Zoë"), (3, "ana@mail.example", "", "Ana")],
    ),
    Export(
        "Klaviyo",
        "Email,Klaviyo ID,First Name,Phone Number,Source,Tags,Email Marketing Consent Timestamp\r\n"
        'zoe@mail.example,01HZX,Zoë,+4915161234567,vip,"[""a"", ""b""]",2026-05-01T09:30:00+00:00\r\n'
        "ana@mail.example,01HZY,Ana,+33612345678,new,[],\r\n".encode(),
        {"contact_id": "Phone Number", "audience": "Source"},
        [(2, ZOE, "vip", "Zoë"), (3, ANA, "new", "Ana")],
    ),
    Export(
        "LibreOffice with bars",
        'contact_id|first_name|audience\n+4915161234567|Zoë|vip\n+33612345678|"Ana"|"new"\n'.encode(),
        {},
        [(2, ZOE, "vip", "Zoë"), (3, ANA, "new", "Ana")],
    ),
]
