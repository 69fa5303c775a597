#!/bin/bash
# compare.sh - measure two or more STUN/TURN servers side by side, interleaved.
#
#   ./compare.sh --a 'CMD_A' --b 'CMD_B' [options]
#   ./compare.sh --server NAME='CMD' --server NAME='CMD' ... [options]
#
# CMD is one simple command (it is run with exec; no pipes). In it, {port} is replaced by the
# UDP port given to that server, {tls-port} by the one above it; {user} {pass} {realm} likewise, and
# {cert} {key} by the files of a certificate that is made for them. If a CMD has no {port}, give the
# port it listens on with --port-a / --port-b / --server NAME@PORT='CMD'.
# The server must listen on 127.0.0.1 ([::1] too, for tests with :ipv6) and allow loopback peers.
# Ratios are against the first server.
#
# Options (defaults):
#   --tests "T T ..."   tests, see below               --runs N (3)   --secs S (5)   --warmup S (1)
#   --user u --pass p --realm bench                    --base-port P (3950)
#   --server-cpus LIST (0)  --gen-cpu N (1)  --no-pin  --idle-gap S (0.3)
#   --prepare S (0)     drive every server this long with relay load before measuring (JIT warm-up)
#   --prepare-allocs N (0)  make, refresh and delete so many allocations, too, 2,000 at once
#   --fresh             restart the server before every run (no JIT warm-up except --warmup)
#   --out DIR (./results-TIME)                         --wait S (30: how long a server may take to start)
# Tests:
#   stun[:SOCKETS[:INFLIGHT]]            e.g. stun:16:8
#   relay:PAYLOAD:ALLOCS[:OPT[=V]...]    any turnload relay option, e.g. relay:160:50:rate=100 relay:1200:1:gso:gro
#   allocs:COUNT[:channels][:tcp][:tls][:fresh]      e.g. allocs:2000:fresh   (fresh: restart the server first, for memory)
# Any of them also:
#   :ipv6       clients, relay addresses and peers are ::1
#   :realtime   server and generator have real-time priority meanwhile, where that is permitted: at a fixed rate a
#               server that waits for other work on its CPU finds more to do at once, and so seems cheaper
#
# Needs: bash, awk, taskset and chrt (util-linux), a C compiler; for :tls libssl-dev and openssl. Kills only what it
# started.
set -u
here=$(cd "$(dirname "$0")" && pwd)
names=() ; cmds=() ; ports=()
tests="stun relay:160:1 relay:160:50 relay:160:500 relay:1200:1 relay:1200:50 relay:1200:500 relay:160:500:rate=50 allocs:2000:channels:fresh"
runs=3 secs=5 warmup=1 user=u pass=p realm=bench base=3950 scpus=0 gcpu=1 pin=1 gap=0.3 prepare=0 preallocs=0 fresh=0 out= wait=30
porta= portb=
need() { [ $# -ge 2 ] || { echo "compare.sh: $1 needs a value" >&2; exit 2; }; }
add() { # NAME[@PORT] CMD
  local n=$1 p=
  case $n in *@*) p=${n#*@}; n=${n%%@*};; esac
  names+=("$n"); cmds+=("$2"); ports+=("$p")
}
while [ $# -gt 0 ]; do
  case $1 in
    --a) need "$@"; add A "$2"; shift 2;;
    --b) need "$@"; add B "$2"; shift 2;;
    --server) need "$@"; add "${2%%=*}" "${2#*=}"; shift 2;;
    --port-a) need "$@"; porta=$2; shift 2;;
    --port-b) need "$@"; portb=$2; shift 2;;
    --tests) need "$@"; tests=$2; shift 2;;
    --runs) need "$@"; runs=$2; shift 2;;
    --secs) need "$@"; secs=$2; shift 2;;
    --warmup) need "$@"; warmup=$2; shift 2;;
    --user) need "$@"; user=$2; shift 2;;
    --pass) need "$@"; pass=$2; shift 2;;
    --realm) need "$@"; realm=$2; shift 2;;
    --base-port) need "$@"; base=$2; shift 2;;
    --server-cpus) need "$@"; scpus=$2; shift 2;;
    --gen-cpu) need "$@"; gcpu=$2; shift 2;;
    --no-pin) pin=0; shift;;
    --idle-gap) need "$@"; gap=$2; shift 2;;
    --prepare) need "$@"; prepare=$2; shift 2;;
    --prepare-allocs) need "$@"; preallocs=$2; shift 2;;
    --fresh) fresh=1; shift;;
    --out) need "$@"; out=$2; shift 2;;
    --wait) need "$@"; wait=$2; shift 2;;
    -h|--help) sed -n '2,/^set -u/p' "$0" | sed '$d'; exit 0;;
    *) echo "compare.sh: unknown option $1" >&2; exit 2;;
  esac
done
[ ${#names[@]} -ge 1 ] || { echo "compare.sh: give --a CMD --b CMD (see --help)" >&2; exit 2; }
for i in "${!names[@]}"; do
  [ "${names[$i]}" = A ] && [ -n "$porta" ] && ports[$i]=$porta
  [ "${names[$i]}" = B ] && [ -n "$portb" ] && ports[$i]=$portb
  [ -n "${ports[$i]}" ] || ports[$i]=$((base + i * 10))
done
out=${out:-$PWD/results-$(date +%Y%m%d-%H%M%S)}
mkdir -p "$out" || exit 1
work=$(mktemp -d) || exit 1
tl=$work/turnload
tls=1
cc -O2 -DWITH_TLS -o "$tl" "$here/turnload.c" -lm -lssl -lcrypto 2>/dev/null || { tls=0; cc -O2 -o "$tl" "$here/turnload.c" -lm; } || { echo "compare.sh: cannot build turnload (apt-get install gcc libc6-dev)" >&2; exit 1; }
ulimit -n "$(ulimit -Hn)" 2>/dev/null
ncpu=$(nproc)
[ "$ncpu" -ge 2 ] || pin=0
if [[ "${cmds[*]}" == *{cert}* ]]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$work/key.pem" -out "$work/cert.pem" 2>"$out/openssl.log" ||
    { echo "compare.sh: no certificate (apt-get install openssl): $(tail -1 "$out/openssl.log")" >&2; exit 1; }
fi
if [ $tls = 0 ] && [[ $tests == *:tls* ]]; then
  echo "no libssl-dev: tests with :tls are left out"
  kept=; for t in $tests; do [[ $t: == *:tls:* ]] || kept+="$t "; done; tests=$kept
fi
realtime=0; chrt -f 10 true 2>/dev/null && realtime=1
[ $realtime = 1 ] || [[ $tests != *:realtime* ]] || echo "real-time priority is not permitted: tests with :realtime run without"
genpin=(); [ $pin = 1 ] && genpin=(--cpu "$gcpu")

declare -A pid
stop() { # NAME-INDEX
  local p=${pid[$1]:-}
  [ -n "$p" ] || return 0
  kill "$p" 2>/dev/null
  for _ in $(seq 50); do kill -0 "$p" 2>/dev/null || break; sleep 0.1; done
  kill -9 "$p" 2>/dev/null
  wait "$p" 2>/dev/null
  unset "pid[$1]"
}
finish() { for k in "${!pid[@]}"; do stop "$k"; done; rm -rf "$work"; }
trap finish EXIT
trap 'exit 130' INT TERM
start() { # INDEX
  local i=$1 c=${cmds[$1]} p=${ports[$1]}
  c=${c//\{port\}/$p}; c=${c//\{user\}/$user}; c=${c//\{pass\}/$pass}; c=${c//\{realm\}/$realm}
  c=${c//\{tls-port\}/$((p + 1))}; c=${c//\{cert\}/$work/cert.pem}; c=${c//\{key\}/$work/key.pem}
  local busy=0 # a server that was just stopped may need a moment to let go of the port
  while "$tl" ping --server 127.0.0.1:"$p" --wait 0.25 2>/dev/null; do
    busy=$((busy + 1)); sleep 0.5
    [ $busy -lt 10 ] || { echo "compare.sh: something else already answers on port $p" >&2; return 1; }
  done
  if [ $pin = 1 ]; then taskset -c "$scpus" bash -c "exec $c" >"$out/${names[$i]}.log" 2>&1 &
  else bash -c "exec $c" >"$out/${names[$i]}.log" 2>&1 & fi
  pid[$i]=$!
  local end=$((SECONDS + wait))
  while [ $SECONDS -lt $end ]; do
    "$tl" ping --server 127.0.0.1:"$p" --wait 0.5 2>/dev/null && return 0
    kill -0 "${pid[$i]}" 2>/dev/null || break
  done
  echo "compare.sh: server ${names[$i]} did not start; its output ($out/${names[$i]}.log):" >&2
  tail -5 "$out/${names[$i]}.log" >&2
  stop "$i"
  return 1
}
alive() { [ -n "${pid[$1]:-}" ] && "$tl" ping --server 127.0.0.1:"${ports[$1]}" --wait 2 2>/dev/null; }
field() { sed -n "s/.*\"$1\":\"\{0,1\}\([-0-9.]*\).*/\1/p" <<<"$2"; }
: >"$out/raw.jsonl"; : >"$out/values.tsv"
record() { # TEST SERVER RUN JSON METRIC...
  local t=$1 s=$2 r=$3 j=$4 v; shift 4
  for m in "$@"; do v=$(field "$m" "$j"); [ -n "$v" ] && printf '%s\t%s\t%s\t%s\t%s\n' "$t" "$s" "$r" "$m" "$v" >>"$out/values.tsv"; done
}
run_one() { # INDEX TEST RUN
  local i=$1 t=$2 r=$3 f=() a j m host=127.0.0.1 port=${ports[$1]} urgent=()
  for x in ${t//:/ }; do
    case $x in
      ipv6) host=[::1];;
      realtime) [ $realtime = 0 ] || urgent=(chrt -f 10);;
      *) f+=("$x");;
    esac
  done
  [[ $t: != *:tls:* ]] || port=$((port + 1))
  a=(--server "$host:$port" --server-pid "${pid[$i]}" "${genpin[@]}")
  local cred=(--user "$user" --pass "$pass" --realm "$realm")
  case ${f[0]} in
    stun) a=(stun "${a[@]}" --sockets "${f[1]:-16}" --inflight "${f[2]:-8}" --secs "$secs" --warmup "$warmup")
          m="rps cpu_us_per_req p50_us p99_us lost server_cores gen_cores";;
    relay) a=(relay "${a[@]}" "${cred[@]}" --payload "${f[1]:-160}" --allocs "${f[2]:-1}" --secs "$secs" --warmup "$warmup")
          for x in "${f[@]:3}"; do case $x in *=*) a+=(--"${x%%=*}" "${x#*=}");; *) a+=(--"$x");; esac; done
          m="pps cpu_us_per_pkt pps_per_core p50_us p99_us loss_pct server_cores gen_cores rss_kb bad";;
    allocs) a=(allocs "${a[@]}" "${cred[@]}" --count "${f[1]:-1000}"); for x in channels tcp tls; do [[ $t: == *:$x:* ]] && a+=(--$x); done
          m="alloc_per_s refresh_per_s delete_per_s cpu_us_per_alloc cpu_us_per_refresh bytes_per_alloc bytes_per_alloc_chan failed";;
    *) echo "compare.sh: unknown test $t" >&2; return 1;;
  esac
  local rc=0
  [ ${#urgent[@]} = 0 ] || chrt -a -f -p 10 "${pid[$i]}"
  j=$(timeout 300 "${urgent[@]}" "$tl" "${a[@]}" 2>>"$out/errors.log") || rc=$?
  [ ${#urgent[@]} = 0 ] || chrt -a -o -p 0 "${pid[$i]}"
  if [ -z "$j" ] || [ $rc != 0 ]; then
    echo "  $t ${names[$i]} run $r: FAILED (exit $rc): $(tail -1 "$out/errors.log" 2>/dev/null)"
    return 1
  fi
  printf '{"test":"%s","server":"%s","run":%d,%s\n' "$t" "${names[$i]}" "$r" "${j#\{}" >>"$out/raw.jsonl"
  record "$t" "${names[$i]}" "$r" "$j" $m
  for x in cpu_us_per_req cpu_us_per_pkt cpu_us_per_alloc; do
    v=$(field $x "$j"); [ -z "$v" ] || printf '  %s  run %s of %s  %s: %s us\n' "$t" "$r" "$runs" "${names[$i]}" "$v"
  done
}
echo "results: $out   cpus: $ncpu   pinned: $pin (server $scpus, generator $gcpu)   runs: $runs x $secs s"
order=("${!names[@]}")
for i in "${order[@]}"; do [ $fresh = 1 ] || start "$i" || exit 1; done
if [ "$prepare" != 0 ] && [ $fresh = 0 ]; then
  for i in "${order[@]}"; do
    echo "warming up ${names[$i]}"
    "$tl" stun --server 127.0.0.1:"${ports[$i]}" "${genpin[@]}" --secs "$prepare" --warmup 0 >/dev/null 2>&1
    ways=("160 1" "1200 50")
    for x in tcp tls; do [[ "$tests " != *:$x[:\ ]* ]] || ways+=("160 50 --$x"); done
    for way in "${ways[@]}"; do
      read -r payload allocs stream <<<"$way"
      port=${ports[$i]}; [ "$stream" != --tls ] || port=$((port + 1))
      "$tl" relay --server 127.0.0.1:"$port" "${genpin[@]}" --user "$user" --pass "$pass" --realm "$realm" --payload "$payload" \
        --allocs "$allocs" $stream --secs "$prepare" --warmup 0 >/dev/null 2>>"$out/errors.log"
    done
  done
fi
if [ "$preallocs" -gt 0 ] && [ $fresh = 0 ]; then
  for i in "${order[@]}"; do
    echo "warming up ${names[$i]} by $preallocs allocations"
    "$tl" allocs --server 127.0.0.1:"${ports[$i]}" "${genpin[@]}" --user "$user" --pass "$pass" --realm "$realm" --channels \
      --count 2000 --rounds $(((preallocs + 1999) / 2000)) >"$out/${names[$i]}.warm-up.jsonl" 2>>"$out/errors.log" ||
      { echo "compare.sh: ${names[$i]} did not make its $preallocs allocations" >&2; exit 1; }
    [ "$(sed 's/.*"ok":\([0-9]*\).*/\1/' "$out/${names[$i]}.warm-up.jsonl" | awk '{n += $1} END {print n + 0}')" -ge "$preallocs" ] ||
      { echo "compare.sh: ${names[$i]} made fewer than $preallocs allocations (see $out/errors.log)" >&2; exit 1; }
  done
  sleep 12 # servers let ports rest, and JVMs compile what they have just learnt
fi
all=$(wc -w <<<"$tests"); number=0
for t in $tests; do
  number=$((number + 1))
  echo "test $number of $all, after $((SECONDS / 60)) min"
  for r in $(seq "$runs"); do
    seq_=("${order[@]}")
    if [ $((r % 2)) = 0 ]; then seq_=(); for ((k = ${#order[@]} - 1; k >= 0; k--)); do seq_+=("${order[$k]}"); done; fi
    for i in "${seq_[@]}"; do
      if [ $fresh = 1 ] || [[ $t == allocs*:fresh* ]]; then stop "$i"; start "$i" || continue
      elif ! alive "$i"; then echo "  ${names[$i]} is dead; restarting (before $t run $r)"; stop "$i"; start "$i" || continue; fi
      sleep "$gap"
      run_one "$i" "$t" "$r"
      [ $fresh = 1 ] && stop "$i"
    done
  done
done
# medians [min..max], and the median of the per-run ratios against the first server
awk -F'\t' -v first="${names[0]}" -v tests="$tests" -v servers="${names[*]}" '
function sorted(n,   i,j,x){ for(i=2;i<=n;i++){x=a[i];for(j=i-1;j>0&&a[j]>x;j--)a[j+1]=a[j];a[j+1]=x} }
function med(n){ return n%2 ? a[(n+1)/2] : (a[n/2]+a[n/2+1])/2 }
function num(x){ return x>=1000 ? sprintf("%.0f",x) : x>=100 ? sprintf("%.1f",x) : sprintf("%.3f",x) }
{ key=$1 SUBSEP $2 SUBSEP $4; v[key SUBSEP $3]=$5+0; if($3>maxr)maxr=$3; if(!(($1,$4) in seen)){seen[$1,$4]=1; ml[$1]=ml[$1] " " $4} }
END{
  nt=split(tests,T," "); ns=split(servers,S," ");
  for(t=1;t<=nt;t++){ nm=split(ml[T[t]],M," "); if(!nm)continue
    printf "\n%s\n", T[t];
    for(m=1;m<=nm;m++) for(s=1;s<=ns;s++){
      n=0; for(r=1;r<=maxr;r++) if((T[t] SUBSEP S[s] SUBSEP M[m] SUBSEP r) in v) a[++n]=v[T[t],S[s],M[m],r];
      if(!n)continue; sorted(n); md=med(n); lo=a[1]; hi=a[n]; c=n;
      n=0; for(r=1;r<=maxr;r++){ k=T[t] SUBSEP S[s] SUBSEP M[m] SUBSEP r; q=T[t] SUBSEP first SUBSEP M[m] SUBSEP r; if((k in v)&&(q in v)&&v[q]!=0) a[++n]=v[k]/v[q] }
      ratio=""; if(n&&S[s]!=first){sorted(n); ratio=sprintf("x%.3f of %s", med(n), first)}
      printf "  %-22s %-14s %12s  [%s .. %s] n=%d  %s\n", M[m], S[s], num(md), num(lo), num(hi), c, ratio } } }' "$out/values.tsv" | tee "$out/summary.txt"
[ -s "$out/errors.log" ] && { echo; echo "messages of the generator (last 5 of $out/errors.log):"; tail -5 "$out/errors.log"; }
[ -s "$out/values.tsv" ]
