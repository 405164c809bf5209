# Sourced by the entry scripts, which set `root`: installs what package-lock.json names unless it is there,
# and sets `bun`. When nothing is to do this costs one comparison of two files (without cmp, one start of Node).

bun=$root/node_modules/bun/bin/bun.exe
if [ ! -x "$bun" ] || ! cmp -s "$root/package-lock.json" "$root/node_modules/.luma-installed" 2>/dev/null; then
  if ! command -v node >/dev/null 2>&1; then
    echo 'error: Node.js is not installed' >&2
    echo 'hint: Luma needs Node.js 20 or newer, with npm, to install itself: https://nodejs.org' >&2
    exit 1
  fi
  node "$root/scripts/install.mjs" || exit 1
fi

# What Bun keeps between runs stays in Luma's own folder, not in the user's home.
: "${BUN_RUNTIME_TRANSPILER_CACHE_PATH:=$root/node_modules/.cache/bun}"
export BUN_RUNTIME_TRANSPILER_CACHE_PATH

# A .env or bunfig.toml in the user's folder is the user's, not Luma's: neither may change how Luma runs.
run_bun() {
  exec "$bun" --no-env-file --no-install --config="$root/bunfig.toml" "$@"
}
