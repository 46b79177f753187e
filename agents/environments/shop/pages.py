"""The pages of the shop as lists of text and elements, and their text as an agent sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from eudoxus.agents.environments.base import EffectClass
from eudoxus.agents.environments.shop.catalogue import Catalogue, Product, money

PER_PAGE = 5
"""Products on a page of a list."""
LONGEST_PAGE = 1_000
"""Characters of a page as an agent sees it."""
_SHOWN = 24
"""Characters of what was typed that a text box shows."""

Role = Literal["link", "button", "textbox"]


@dataclass(frozen=True, slots=True)
class Element:
    """Something to click or to type into. ``act`` says what a click does, ``value`` with what."""

    role: Role
    label: str
    act: Literal["go", "add", "less", "login", "logout", "order", "send", "find", "subscribe", "field"]
    value: str = ""

    @property
    def effect(self) -> EffectClass:
        """Orders and messages cannot be taken back."""
        if self.act in ("order", "send"):
            return "irreversible"
        return "read" if self.act in ("go", "find", "field") else "reversible"


@dataclass(frozen=True, slots=True)
class Page:
    """A title and what is under it, from top to bottom."""

    title: str
    parts: tuple[str | Element, ...]

    @property
    def elements(self) -> list[Element]:
        """Those with numbers, which begin at 1."""
        return [part for part in self.parts if isinstance(part, Element)]


@dataclass(frozen=True, slots=True)
class Visit:
    """Everything about a visitor and what the visitor has done: the state of the environment."""

    url: str = "/"
    typed: tuple[tuple[str, str], ...] = ()
    """What stands in the text boxes of this page; gone with the next one."""
    cart: tuple[tuple[int, int], ...] = ()
    """Product and number, by product."""
    user: str = ""
    subscribed: bool = False
    orders: tuple[tuple[tuple[tuple[int, int], ...], str, str], ...] = ()
    """What was ordered: the cart, the address, and the way of delivery."""
    messages: tuple[tuple[str, str], ...] = ()
    """Topic and text of what was written to the shop."""
    answer: str | None = None
    history: tuple[str, ...] = ()

    def field(self, name: str) -> str:
        """What stands in a text box."""
        return dict(self.typed).get(name, "")


def link(label: str, url: str) -> Element:
    return Element("link", label, "go", url)


def build(catalogue: Catalogue, visit: Visit) -> Page | None:
    """The page at the visit's address; None where there is none."""
    try:
        where = urlsplit(visit.url)
    except ValueError:
        return None
    if where.scheme or where.netloc:
        return None
    query = dict(parse_qsl(where.query))
    head, _, rest = where.path.strip("/").partition("/")
    page = _PAGES.get(where.path) if not rest else None
    if page is not None:
        found: Page | None = page(catalogue, visit)
    elif head == "c" and rest in catalogue.sections:
        found = _list(f"{rest.capitalize()}", catalogue.section(rest), visit.url, query)
    elif head == "p" and rest.isdecimal() and len(rest) < 6 and (product := catalogue.find(int(rest))) is not None:
        found = _product(product)
    elif where.path == "/search":
        found = _list(f'Results for "{query.get("q", "")[:_SHOWN]}"', catalogue.search(query.get("q", "")), visit.url, query)
    else:
        found = _TEXTS.get(where.path)
    if found is None:
        return None
    count = sum(number for _, number in visit.cart)
    top = (link("Home", "/"), link(f"Cart ({count})", "/cart"),
           link("Account", "/account") if visit.user else link("Log in", "/login"),
           Element("textbox", "Search", "field", "q"), Element("button", "Find", "find"))
    return Page(f"{found.title} - {catalogue.name}", (*top, "----", *found.parts))


def shown(page: Page, visit: Visit, note: str) -> str:
    """The page as text, with numbers to click, at most :data:`LONGEST_PAGE` characters."""
    lines = [f"{page.title} ({visit.url[:80]})", *([note] if note else []), *_lines(page, visit)]
    text = "\n".join(lines)
    return text if len(text) <= LONGEST_PAGE else f"{text[: LONGEST_PAGE - 6]}\n[cut]"


def _lines(page: Page, visit: Visit) -> Iterator[str]:
    number = 0
    for part in page.parts:
        if isinstance(part, str):
            yield part
            continue
        number += 1
        content = f' "{visit.field(part.value)[:_SHOWN]}"' if part.role == "textbox" and visit.field(part.value) else ""
        yield f"[{number}] {part.role} {part.label}{content}"


def _home(catalogue: Catalogue, visit: Visit) -> Page:
    sections = (link(name.capitalize(), f"/c/{name}") for name in catalogue.sections)
    more = (link("Outlet: the same for less", "/outlet"), link("Sample order", "/orders/sample"), link("Contact", "/contact"),
            link("Delivery", "/help/delivery"), link("Returns", "/help/returns"), link("About us", "/about"))
    return Page("Home", ("Sections", *sections, "More", *more))


def _list(title: str, products: list[Product], url: str, query: dict[str, str]) -> Page:
    """Five products a page, with filters and sorting in the address."""
    most, colour, sort = query.get("most", ""), query.get("colour", ""), query.get("sort", "")
    kept = [one for one in products if not (most.isdecimal() and one.price > int(most[:6]) * 100) and colour in ("", one.colour)]
    if sort == "price":
        kept.sort(key=lambda one: (one.price, one.id))
    elif sort == "rating":
        kept.sort(key=lambda one: (-one.rating, one.id))
    pages = max(1, -(-len(kept) // PER_PAGE))
    number = min(pages, max(1, int(query["page"][:4]) if query.get("page", "").isdecimal() else 1))

    def at(**changes: str) -> str:
        path = urlsplit(url).path
        asked = {name: value for name, value in {**query, "page": "", **changes}.items() if value}
        return f"{path}?{urlencode(asked)}" if asked else path

    entries = [link(f"{one.name}, {one.colour}, {one.cost}, {one.rating / 10} stars", f"/p/{one.id}")
               for one in kept[(number - 1) * PER_PAGE : number * PER_PAGE]]
    turn = [link("Next page", at(page=str(number + 1)))] if number < pages else []
    sorts = [link(f"Sort by {name}", at(sort=name)) for name in ("price", "rating") if name != sort]
    colours = sorted({one.colour for one in products}) if not colour and len(products) > 1 else []
    filters = [link(f"Only {name}", at(colour=name)) for name in colours]
    filters += [link("Up to 40.00", at(most="40"))] if not most and len(products) > 1 else []
    filters += [link("Clear filters", at(colour="", most=""))] if colour or most else []
    return Page(title, (f"{len(kept)} products, page {number} of {pages}", *entries, *turn, *sorts, *filters))


def _product(product: Product) -> Page:
    facts = (f"Price {product.cost}. Colour {product.colour}. {product.rating / 10} stars.",
             f"Weight {product.weight} g. " + (f"Warranty {product.warranty} years." if product.warranty else "No warranty."))
    stock = f"{product.stock} in stock." if product.stock else "Sold out."
    buy = (Element("button", "Add to cart", "add", str(product.id)),) if product.stock else ()
    section = link("Outlet", "/outlet") if product.refurbished else link(product.section.capitalize(), f"/c/{product.section}")
    return Page(product.name, (*facts, stock, *buy, section))


def _outlet(catalogue: Catalogue, visit: Visit) -> Page:
    entries = (link(f"{one.name}, {one.cost}, was {money(one.price * 10 // 6)}", f"/p/{one.id}") for one in catalogue.outlet())
    return Page("Outlet", ("Returned goods, repaired by us, without warranty.", *entries))


def _cart(catalogue: Catalogue, visit: Visit) -> Page:
    parts: list[str | Element] = []
    for id, number in visit.cart:
        product = catalogue.find(id)
        assert product is not None
        parts += [f"{number} x {product.name}, {money(product.price * number)}",
                  Element("button", "One more", "add", str(id)), Element("button", "One less", "less", str(id))]
    return Page("Cart", (*parts, *_total(catalogue, visit), link("Check out", "/checkout")) if visit.cart else ("The cart is empty.",))


def _total(catalogue: Catalogue, visit: Visit) -> list[str]:
    total = sum(product.price * number for id, number in visit.cart if (product := catalogue.find(id)) is not None)
    return [f"Total {money(total)}"]


def _checkout(catalogue: Catalogue, visit: Visit) -> Page:
    if not visit.cart:
        return Page("Check out", ("The cart is empty.",))
    express = "express" in visit.url
    other = link("Standard delivery, free", "/checkout") if express else link("Express delivery, 9.00 more", "/checkout?delivery=express")
    pieces = sum(number for _, number in visit.cart)
    said = (f"{pieces} pieces", *_total(catalogue, visit), f"Delivery: {'express' if express else 'standard'}")
    return Page("Check out", (*said, other, Element("textbox", "Address", "field", "address"), Element("button", "Place order", "order")))


def _login(catalogue: Catalogue, visit: Visit) -> Page:
    if visit.user:
        return Page("Log in", (f"You are logged in as {visit.user}.", link("Account", "/account")))
    return Page("Log in", (Element("textbox", "Name", "field", "name"), Element("textbox", "Password", "field", "password"),
                           Element("button", "Log in", "login")))


def _account(catalogue: Catalogue, visit: Visit) -> Page:
    if not visit.user:
        return Page("Account", ("You are not logged in.", link("Log in", "/login")))
    letter = Element("button", "Stop the newsletter" if visit.subscribed else "Subscribe to the newsletter", "subscribe")
    said = (f"Name {visit.user}. Bonus points {catalogue.points}. Orders on this visit: {len(visit.orders)}.",
            f"Newsletter: {'yes' if visit.subscribed else 'no'}.")
    return Page("Account", (*said, letter, Element("button", "Log out", "logout")))


def _contact(catalogue: Catalogue, visit: Visit) -> Page:
    return Page("Contact", ("We answer within two days.", Element("textbox", "Topic", "field", "topic"),
                            Element("textbox", "Message", "field", "message"), Element("button", "Send", "send")))


_PAGES: dict[str, Callable[[Catalogue, Visit], Page]] = {
    "/": _home, "/outlet": _outlet, "/cart": _cart, "/checkout": _checkout, "/login": _login, "/account": _account, "/contact": _contact,
}
_TEXTS = {
    "/help/delivery": Page("Delivery", ("Standard delivery takes 4 days and is free. Express takes 1 day and costs 9.00.",)),
    "/help/returns": Page("Returns", ("Goods can be sent back within 30 days. Outlet goods cannot.",)),
    "/about": Page("About us", ("A small shop with few things that last.",)),
    "/orders/sample": Page("Order complete", ("Thank you! Your order was placed and is on its way. (A sample of our confirmation page.)",)),
}
STANDING = (*_PAGES, *_TEXTS)
"""The addresses that are not of sections, products or searches."""
