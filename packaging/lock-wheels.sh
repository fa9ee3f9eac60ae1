#!/bin/sh
# Print a lock file of the wheels in a folder. What was built here of a source (PyAudio) is another file than any that
# packaging/*.lock has the hash of.
# packaging/lock-wheels.sh FOLDER
set -eu
for wheel in "$1"/*.whl; do
    name=$(basename "$wheel") # PROJECT-VERSION-..., with _ for - (PyPA, "Binary distribution format")
    project=$(echo "${name%%-*}" | tr 'A-Z_' 'a-z-')
    rest=${name#*-}
    echo "$project==${rest%%-*} --hash=sha256:$(sha256sum <"$wheel" | cut -d' ' -f1)"
done
