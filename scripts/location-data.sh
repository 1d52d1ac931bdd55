#!/usr/bin/env bash
# Fetches a location database of countries (CC0, 8 MB) from npm into FOLDER, and prints its path. Needs npm. A file that is there
# is used again.
#   LOCATION_DATABASE=$(scripts/location-data.sh) cargo test -p ringshard-fleet location
set -euo pipefail
folder=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/ringshard/location}
package=@ip-location-db/geo-whois-asn-country-mmdb
file=$folder/geo-whois-asn-country.mmdb
if [ ! -s "$file" ]; then
    mkdir -p "$folder"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    (cd "$work" && npm pack --silent "$package" > /dev/null && tar -xzf ./*.tgz)
    cp "$work/package/geo-whois-asn-country.mmdb" "$file.new"
    mv "$file.new" "$file"
fi
echo "$file"
