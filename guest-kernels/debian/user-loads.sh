#!/bin/sh
# A real load for user space, the same in the guest and on the host: loads.sh runs it on both with the same busybox and compares
# what it prints, one "load NAME VALUE" line each. Only busybox's applets are used, and only the current directory is written.
# Environment: FORKS, HOG_SECONDS, SORT_LINES say how much; TREE names a gzipped tar archive.
set -u
: "${FORKS:=10000}" "${HOG_SECONDS:=60}" "${SORT_LINES:=100000}" "${TREE:=/root/tree.tgz}"

# A tree, unpacked and read again.
mkdir tree
tar -xzf "$TREE" -C tree
echo "load tree $(cd tree && find . -type f | sort | xargs md5sum | md5sum | cut -d' ' -f1)"

# Some megabytes of generated text (MINSTD: exact in a double), sorted by two keys and summed up, floating point included.
awk -v n="$SORT_LINES" 'BEGIN { for (x = 42; n > 0; n--) { x = x * 16807 % 2147483647; print x % 9973, x, "line " n % 251 " of text" } }' >text
echo "load sort $(sort -k1,1n -k2,2nr text | md5sum | cut -d' ' -f1)"
echo "load awk $(awk '{ n[$1 % 97]++; s[$4] += $2 / 7 } END { for (k in n) print "n", k, n[k]; for (k in s) printf "s %s %.9e\n", k, s[k] }' text |
    sort | md5sum | cut -d' ' -f1)"

# A child for each turn, every fifth one a program; their exit statuses are summed.
i=0 sum=0
while [ "$i" -lt "$FORKS" ]; do
    if [ $((i % 5)) -eq 0 ]; then busybox false; else (exit $((i % 7))); fi
    sum=$((sum + $?)) i=$((i + 1))
done
echo "load forks $sum"

# Two that compute for ever beside one that sleeps a second at a time. What they did is not the same everywhere: loads.sh judges it.
uptime() { read -r up _ </proc/uptime && echo "$up"; }
for hog in 1 2; do
    sh -c 'trap "echo \$n >hog'$hog'; exit" TERM; n=0; while :; do n=$((n + 1)); done' &
done
begin=$(uptime)
echo "load-clock begin $begin"
i=0
while [ "$i" -lt "$HOG_SECONDS" ]; do sleep 1; i=$((i + 1)); done
end=$(uptime)
echo "load-clock end $end"
kill $(jobs -p)
wait
echo "load-hogs $(cat hog1) $(cat hog2)"
echo "load done"
