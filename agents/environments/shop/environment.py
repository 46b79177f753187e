"""The shop as an environment: links, buttons and text boxes by number, and a step that is a pure function of the visit."""

from __future__ import annotations

import hashlib
import re
from dataclasses import astuple, dataclass, replace
from typing import ClassVar
from urllib.parse import urlencode

from pydantic import Field

from eudoxus.agents.environments.base import EffectClass, Environment, Observation, Setting, Token
from eudoxus.agents.environments.shop.catalogue import Catalogue, stock_up
from eudoxus.agents.environments.shop.pages import Element, Page, Visit, build, shown
from eudoxus.runtime import Context

ACTIONS = """click[N]         clicks the link or button with number N on the page
type[N][TEXT]    types TEXT into the text box with number N, in place of what stands there
search[WORDS]    shows the products whose name or colour has all the words
back             goes back to the page before
goto[ADDRESS]    opens an address of this shop, such as goto[/cart]
stop[ANSWER]     ends the work: with the answer where the goal asks for one, else with stop[done]"""

MOST_IN_CART = 20
"""Pieces of one product in the cart."""
MOST_PRODUCTS = 6
"""Different products in the cart."""
_LONGEST_TYPED = 200
_ACTION = re.compile(r"\W*(click|type|search|back|goto|stop)\s*(?:\[(.*?)\])?\s*(?:\[(.*)\])?\W*", re.IGNORECASE | re.DOTALL)
_SAID = re.compile(r"\W*(search|stop|goto)\s*\[(.*)\]\W*", re.IGNORECASE | re.DOTALL)


class Shop(Setting):
    """A small shop on the web, with search, filters, a cart, forms, a login, and orders that cannot be taken back."""

    name: ClassVar[str] = "shop"

    seed: int = Field(0, ge=0)
    """Which shop: its products, prices and account."""
    snapshots: bool = True
    """Whether a state can be saved and restored. Without, going back means doing everything again."""

    def open(self) -> Environment:
        return ShopEnvironment(self)


@dataclass(frozen=True, slots=True)
class Command:
    """An action that was read: a verb, the element it means, and what is typed or said."""

    verb: str
    element: Element | None = None
    text: str = ""


class ShopEnvironment(Environment):
    """One visitor in one shop."""

    actions = ACTIONS

    def __init__(self, setting: Shop) -> None:
        self.catalogue: Catalogue = stock_up(setting.seed)
        self.visit = Visit()
        self._snapshots = setting.snapshots
        self.about = (
            f"You browse the web shop {self.catalogue.name}. A page shows numbered links, buttons and text boxes. Your account there has "
            f"the name {self.catalogue.customer} and the password {self.catalogue.password}; orders need no account."
        )

    @property
    def page(self) -> Page:
        """The page where the visitor is."""
        page = build(self.catalogue, self.visit)
        assert page is not None, "only addresses of pages are gone to"
        return page

    async def reset(self, ctx: Context) -> Observation:
        self.visit = Visit()
        return self._seen("")

    async def step(self, ctx: Context, action: str) -> Observation:
        if self.visit.answer is not None:
            return self._seen("The work has ended already.", impossible=True)
        command = self._read(action)
        after = command if isinstance(command, str) else self._carried_out(command)
        if isinstance(after, str):
            return self._seen(f"error: {after}", impossible=True)
        self.visit, note = after
        return self._seen(note)

    def effect(self, action: str) -> EffectClass:
        command = self._read(action)
        if isinstance(command, str) or command.element is None or isinstance(self._carried_out(command), str):
            return "read"
        return command.element.effect

    async def snapshot(self, ctx: Context) -> Token | None:
        return self.visit if self._snapshots else None

    async def restore(self, ctx: Context, token: Token) -> None:
        self.visit = token

    def _seen(self, note: str, *, impossible: bool = False) -> Observation:
        visit = self.visit
        digest = hashlib.sha256(repr(astuple(replace(visit, history=()))).encode()).hexdigest()[:16]
        if visit.answer is not None:
            return Observation(text="The work has ended.", done=True, answer=visit.answer, impossible=impossible, state=digest)
        return Observation(text=shown(self.page, visit, note), impossible=impossible, state=digest)

    # -- actions -----------------------------------------------------------------------------------------------------

    def _read(self, action: str) -> Command | str:
        """What an action means on this page, or what is wrong with it."""
        said = _SAID.fullmatch(action)
        if said is not None:
            return Command(said[1].lower(), text=said[2].strip()[:_LONGEST_TYPED])
        found = _ACTION.fullmatch(action)
        if found is None or found[1].lower() in ("search", "stop", "goto"):
            return "unknown action; the actions are click[N], type[N][TEXT], search[WORDS], back, goto[ADDRESS], stop[ANSWER]"
        verb, number, text = found[1].lower(), (found[2] or "").strip(), found[3]
        if verb == "back":
            return Command("back")
        elements = self.page.elements
        if not number.isdecimal() or not 1 <= int(number[:6]) <= len(elements):
            return f"there is no element {number[:20]!r} on this page; they are numbered 1 to {len(elements)}"
        element = elements[int(number) - 1]
        if verb == "type" and (element.role != "textbox" or text is None):
            return f"[{number}] is a {element.role}" if element.role != "textbox" else "type takes a number and a text: type[4][some words]"
        if verb == "click" and element.role == "textbox":
            return f"[{number}] is a text box; use type[{number}][TEXT]"
        return Command(verb, element, (text or "").strip()[:_LONGEST_TYPED])

    def _carried_out(self, command: Command) -> tuple[Visit, str] | str:
        """The visit after a command and a note for the visitor, or why it is impossible."""
        visit = self.visit
        if command.verb == "stop":
            return replace(visit, answer=command.text), ""
        if command.verb == "back":
            if not visit.history:
                return "there is no page before this one"
            return replace(visit, url=visit.history[-1], typed=(), history=visit.history[:-1]), ""
        if command.verb in ("goto", "search"):
            return self._went(command.text if command.verb == "goto" else f"/search?{urlencode({'q': command.text})}")
        assert command.element is not None
        if command.verb == "type":
            typed = dict(visit.typed) | {command.element.value: command.text}
            return replace(visit, typed=tuple(sorted(typed.items()))), ""
        return self._clicked(command.element)

    def _went(self, url: str) -> tuple[Visit, str] | str:
        """To another page of this shop, and nowhere else."""
        there = replace(self.visit, url=url, typed=(), history=(*self.visit.history, self.visit.url)[-50:])
        if not url.startswith("/") or build(self.catalogue, there) is None:
            return f"there is no page {url[:60]!r} in this shop"
        return there, ""

    def _clicked(self, element: Element) -> tuple[Visit, str] | str:
        match element.act:
            case "go":
                return self._went(element.value)
            case "find":
                words = self.visit.field("q")
                return self._went(f"/search?{urlencode({'q': words})}") if words else "the search box is empty"
            case "add" | "less":
                return self._counted(int(element.value), 1 if element.act == "add" else -1)
            case "login":
                return self._logged_in()
            case "logout":
                return replace(self.visit, user="", url="/"), "You are logged out."
            case "subscribe":
                return replace(self.visit, subscribed=not self.visit.subscribed), "The newsletter setting was changed."
            case "order":
                return self._ordered()
        return self._sent()

    def _counted(self, product: int, change: int) -> tuple[Visit, str] | str:
        cart = dict(self.visit.cart)
        cart[product] = cart.get(product, 0) + change
        sold = self.catalogue.find(product)
        if len(cart) > MOST_PRODUCTS:
            return "the cart is full"
        if cart[product] > min(MOST_IN_CART, sold.stock if sold else 0):
            return "there are no more of it"
        kept = tuple(sorted((id, number) for id, number in cart.items() if number > 0))
        there = replace(self.visit, cart=kept, url="/cart", typed=(), history=(*self.visit.history, self.visit.url)[-50:])
        return there, "The cart was changed."

    def _logged_in(self) -> tuple[Visit, str] | str:
        if (self.visit.field("name"), self.visit.field("password")) != (self.catalogue.customer, self.catalogue.password):
            return "name or password is wrong"
        return replace(self.visit, user=self.catalogue.customer, url="/account", typed=()), "You are logged in."

    def _ordered(self) -> tuple[Visit, str] | str:
        address = self.visit.field("address")
        if not address:
            return "the address is missing"
        way = "express" if "express" in self.visit.url else "standard"
        order = (self.visit.cart, address, way)
        return replace(self.visit, cart=(), orders=(*self.visit.orders, order), url="/account", typed=(), history=()), "Order placed."

    def _sent(self) -> tuple[Visit, str] | str:
        topic, text = self.visit.field("topic"), self.visit.field("message")
        if not topic or not text:
            return "topic and message must both be filled"
        return replace(self.visit, messages=(*self.visit.messages, (topic, text)), typed=(), history=()), "Your message was sent."
