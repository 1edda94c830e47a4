/**
 * Arguments of programs that are filled with what others wrote. No shell reads them, each word stays one word, and a
 * value never begins a word with a dash: no stranger's text becomes an option.
 */

/**
 * The words with `<name>` replaced; the program itself, and what `factOf` does not know, stay as they are. `ours` are
 * names whose values nobody else writes: they may begin with a dash (`-1`).
 */
export function fillArguments(
  template: readonly string[],
  factOf: (name: string) => string | undefined,
  ours: readonly string[] = [],
): string[] {
  return template.map((word, index) => {
    if (index === 0) return word;
    const filled = word.replace(/<([\w-]+)>/g, (whole, name: string) => factOf(name) ?? whole);
    const isGuarded = filled.startsWith('-') && !word.startsWith('-') && !ours.some((name) => word === `<${name}>`);
    // In the form in which other characters of strangers are escaped.
    return isGuarded ? `\\x2d${filled.slice(1)}` : filled;
  });
}
