/** The hidden command that completion scripts ask: `banjour __complete KIND [--run-dir DIRECTORY]`. */
export const COMPLETE = '__complete';
