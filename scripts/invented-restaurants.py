#!/usr/bin/env python3
"""Writes a CSV file of invented restaurants for `ringshard places import --kind restaurant`, to try suggestions.

Usage: scripts/invented-restaurants.py CITIES.csv [COUNT] > restaurants.csv

No free set of real restaurants with prices and cuisines was found in package registries. These lie around real cities (the file
of scripts/places-data.sh), more of them around larger ones, and have made-up names, prices, cuisines and ratings. The same
arguments give the same file.
"""
import csv
import random
import sys

CUISINES = {
    "italian": (18, 6), "pizza": (12, 4), "french": (32, 14), "bistro": (22, 7), "greek": (18, 5), "turkish": (13, 4),
    "kebab": (8, 2), "indian": (15, 5), "chinese": (14, 5), "japanese": (26, 11), "sushi": (24, 9), "thai": (16, 5),
    "vietnamese": (14, 4), "korean": (18, 6), "mexican": (14, 5), "burger": (11, 3), "spanish": (22, 8), "tapas": (20, 6),
    "lebanese": (16, 5), "ethiopian": (14, 4), "german": (19, 6), "portuguese": (20, 6), "": (15, 8),
}
FIRST = "Golden Silver Old New Little Royal Blue Green Red Lucky Happy Grand Corner Garden River Harbour".split()
LAST = "Table Spoon House Kitchen Lantern Star Bridge Gate Terrace Cellar Oven Plate Market Anchor Mill Fork".split()


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 20_000
    with open(sys.argv[1], newline="") as file:
        cities = [(float(row["latitude"]), float(row["longitude"]), row["country"], float(row["population"]))
                  for row in csv.DictReader(file)]
    dice = random.Random(7)
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["name", "country", "latitude", "longitude", "price", "cuisine", "rating"])
    for latitude, longitude, country, population in dice.choices(cities, [city[3] for city in cities], k=count):
        cuisine = dice.choice(list(CUISINES))
        mean, spread = CUISINES[cuisine]
        # A city of a million people is about 0.1 degrees wide.
        width = 0.01 + 0.09 * min(1.0, population / 1e6) ** 0.5
        name = f"{dice.choice(FIRST)} {dice.choice(LAST)} {dice.randrange(1, 1000)}"
        price = max(4.0, dice.gauss(mean, spread))
        rating = "" if dice.random() < 0.1 else f"{min(5.0, max(1.0, dice.gauss(3.9, 0.6))):.1f}"
        north = max(-90.0, min(90.0, latitude + dice.gauss(0, width)))
        east = (longitude + dice.gauss(0, width) + 540.0) % 360.0 - 180.0
        out.writerow([name, country, f"{north:.5f}", f"{east:.5f}", f"{price:.0f}", cuisine, rating])


main()
