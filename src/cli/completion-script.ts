/** The scripts that shells load. They know nothing: they hand the words over and offer what comes back. */

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

export function isShell(text: string): text is Shell {
  return shells.some((shell) => shell === text);
}

export function completionScript(program: string, shell: Shell): string {
  return scripts[shell](program, program.replaceAll('-', '_'));
}

/** Words travel joined by the unit separator (0x1f), which nobody types. */
const scripts: Readonly<Record<Shell, (program: string, word: string) => string>> = {
  bash: (program, word) => `# ${program} completion for bash: source <(${program} completion bash)
_${word}() {
  local line IFS=$'\\x1f'
  line="\${COMP_WORDS[*]:1:COMP_CWORD}"
  IFS=$'\\n'
  COMPREPLY=($("\${COMP_WORDS[0]}" complete -- "$line" 2>/dev/null))
}
complete -o default -F _${word} ${program}
`,
  zsh: (program, word) => `#compdef ${program}
# ${program} completion for zsh: put it into a folder of $fpath as _${program}
_${word}() {
  local -a found
  found=("\${(@f)$("\${words[1]}" complete -- "\${(pj:\\x1f:)words[2,CURRENT]}" 2>/dev/null)}")
  found=(\${found:#})
  if (( \${#found} )); then compadd -- "\${found[@]}"; else _files; fi
}
if [ "$funcstack[1]" = _${program} ]; then _${word} "$@"; else compdef _${word} ${program}; fi
`,
  fish: (
    program,
    word,
  ) => `# ${program} completion for fish: save it as ~/.config/fish/completions/${program}.fish
function __${word}_complete
  set -l words (commandline -opc) (commandline -ct)
  $words[1] complete -- (string join \\x1f -- $words[2..-1]) 2>/dev/null
end
complete -c ${program} -a '(__${word}_complete)'
`,
};
