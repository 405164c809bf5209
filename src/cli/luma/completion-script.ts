/** The scripts that shells load. They know nothing: they hand the words over and offer what comes back. */

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

export function isShell(text: string): text is Shell {
  return shells.some((shell) => shell === text);
}

export function completionScript(shell: Shell): string {
  return scripts[shell];
}

/** Words travel joined by the unit separator (0x1f), which nobody types. */
const scripts: Readonly<Record<Shell, string>> = {
  bash: `# luma completion for bash: source <(luma completion bash)
_luma() {
  local line IFS=$'\\x1f'
  line="\${COMP_WORDS[*]:1:COMP_CWORD}"
  IFS=$'\\n'
  COMPREPLY=($("\${COMP_WORDS[0]}" complete -- "$line" 2>/dev/null))
}
complete -o default -F _luma luma
`,
  zsh: `#compdef luma
# luma completion for zsh: put it into a folder of $fpath as _luma
_luma() {
  local -a found
  found=("\${(@f)$("\${words[1]}" complete -- "\${(pj:\\x1f:)words[2,CURRENT]}" 2>/dev/null)}")
  found=(\${found:#})
  if (( \${#found} )); then compadd -- "\${found[@]}"; else _files; fi
}
if [ "$funcstack[1]" = _luma ]; then _luma "$@"; else compdef _luma luma; fi
`,
  fish: `# luma completion for fish: save it as ~/.config/fish/completions/luma.fish
function __luma_complete
  set -l words (commandline -opc) (commandline -ct)
  $words[1] complete -- (string join \\x1f -- $words[2..-1]) 2>/dev/null
end
complete -c luma -a '(__luma_complete)'
`,
};
