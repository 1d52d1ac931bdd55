# What run.sh and quic.sh share. They source this file in the root of the repository.

# Checks the binary, and prints the virtual environment below target/ that has the packages of a requirements file.
# environment BINARY NAME REQUIREMENTS. Returns 1 without the binary, and 2 without a fit Python or the packages.
environment() {
    local binary=$1 folder=${CARGO_TARGET_DIR:-target}/$2 requirements=$3
    [ -x "$binary" ] || {
        echo "conformance: no executable at $binary; build it with: cargo build --release" >&2
        return 1
    }
    python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || {
        echo "conformance: needs python3 3.11 or later with venv; on Debian: apt install python3-venv" >&2
        return 2
    }
    if ! cmp -s "$requirements" "$folder/requirements.txt"; then
        python3 -m venv --clear "$folder" >&2 || return 2
        "$folder/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements" >&2 || {
            echo "conformance: cannot install the packages of $requirements" >&2
            return 2
        }
        cp "$requirements" "$folder/requirements.txt"
    fi
    echo "$folder"
}
