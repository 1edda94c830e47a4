/**
 * Microtasks between two things that happen at almost the same time: a test is run for each, so
 * that it meets the moment in which what was under way is over and nobody has noted it yet.
 */
export const turns: readonly number[] = Array.from({ length: 16 }, (_, i) => i);
