#!/bin/sh
# Stands where the stand-in looks for `postgres`, and starts the real one. When the server ends without this script having
# been told to end it, the server is started again, as the operator of a database would: so a run can restart Postgres under
# a stand-in that believes its server never went away.
here=$(dirname "$0")
real=$(cat "$here/real")
case "$1" in
-D) ;;
*) exec "$real" "$@" ;;
esac

ending=
end() {
    ending=1
    kill -s "$1" "$server" 2>/dev/null
}
trap 'end INT' INT
trap 'end QUIT' QUIT
trap 'end TERM' TERM
while :; do
    "$real" "$@" -c track_commit_timestamp=on &
    server=$!
    # A trapped signal ends `wait` early.
    while kill -0 "$server" 2>/dev/null; do
        wait "$server"
    done
    [ -n "$ending" ] && exit 0
    # Backends of a killed server need a moment to let go of its shared memory.
    sleep 0.1
done
