"""What a shop sells, made from its seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

SECTIONS = {
    "lamps": ("lamp", "lantern", "floor lamp", "night light"), "kettles": ("kettle", "teapot", "coffee pot", "milk jug"),
    "chairs": ("chair", "stool", "armchair", "bench"), "blankets": ("blanket", "quilt", "cushion", "rug"),
    "knives": ("bread knife", "peeler", "chef's knife", "whetstone"), "clocks": ("wall clock", "alarm clock", "hourglass", "timer"),
}
MATERIALS = ("brass", "oak", "wool", "steel", "linen", "copper", "ash", "cotton", "enamel", "slate", "walnut", "felt")
COLOURS = ("red", "blue", "green", "grey", "white", "black")
NAMES = ("Hearth & Field", "Northgate Goods", "The Long Table", "Mill Street Store", "Harbour Home", "Plain & Useful")
CUSTOMERS = ("sam", "noor", "ida", "tomas", "wren", "mei")
WORDS = ("lantern", "pebble", "orchard", "harbour", "thistle", "meadow")


@dataclass(frozen=True, slots=True)
class Product:
    """Something to buy. Prices are in cents."""

    id: int
    name: str
    section: str
    colour: str
    price: int
    rating: int
    """Tenths of a star, up to 50."""
    weight: int
    """Grams."""
    warranty: int
    """Years."""
    stock: int
    refurbished: bool = False
    """The look-alike of another product in the outlet, cheaper and with the same name before its suffix."""

    @property
    def cost(self) -> str:
        return money(self.price)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A shop's name, its sections and products, and the one customer account there is."""

    name: str
    sections: tuple[str, ...]
    products: tuple[Product, ...]
    customer: str
    password: str
    points: int

    def find(self, id: int) -> Product | None:
        return next((product for product in self.products if product.id == id), None)

    def section(self, name: str) -> list[Product]:
        """What a section shows: everything but the outlet."""
        return [product for product in self.products if product.section == name and not product.refurbished]

    def outlet(self) -> list[Product]:
        return [product for product in self.products if product.refurbished]

    def search(self, words: str) -> list[Product]:
        """The products whose name or colour has all the words, in the order of the catalogue."""
        wanted = words.lower().split()
        return [one for one in self.products if wanted and all(word in f"{one.name} {one.colour}".lower() for word in wanted)]


def money(cents: int) -> str:
    """1250 → ``12.50``."""
    return f"{cents // 100}.{cents % 100:02d}"


def stock_up(seed: int) -> Catalogue:
    """The catalogue of a seed: 4 sections of 6 to 9 products, and 4 look-alikes in the outlet."""
    random = Random(seed)
    sections = tuple(random.sample(sorted(SECTIONS), 4))
    names = [
        (section, f"{material.capitalize()} {thing}")
        for section in sections
        for material, thing in random.sample([(m, t) for m in MATERIALS for t in SECTIONS[section]], random.randint(6, 9))
    ]
    products = [_product(random, number, section, name) for number, (section, name) in enumerate(names, start=1)]
    for original in random.sample(products, 4):
        price = original.price * 6 // 10
        products.append(Product(len(products) + 1, f"{original.name} (refurbished)", original.section, original.colour, price,
                                original.rating, original.weight, 0, random.randint(1, 3), refurbished=True))
    return Catalogue(random.choice(NAMES), sections, tuple(products), random.choice(CUSTOMERS),
                     f"{random.choice(WORDS)}-{random.randint(10, 99)}", random.randint(12, 980))


def _product(random: Random, number: int, section: str, name: str) -> Product:
    price = random.randrange(800, 12_000, 50)
    stock = 0 if random.random() < 0.1 else random.randint(2, 20)
    return Product(number, name, section, random.choice(COLOURS), price, random.randint(28, 50), random.randrange(120, 9_000, 10),
                   random.randint(1, 10), stock)
