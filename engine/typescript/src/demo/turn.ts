/** Directions from angles, with the same bits as the server's: it only adds and multiplies numbers of 32 bits. */

const f = Math.fround;

/** The angle of a 65,536th of a turn. */
const ANGLE = f(f(2 * Math.PI) / 65_536);
const [SIXTH, TWENTIETH, FORTY_SECOND] = [f(1 / 6), f(1 / 20), f(1 / 42)];
const [THIRTIETH, FIFTY_SIXTH, TWELFTH] = [f(1 / 30), f(1 / 56), f(1 / 12)];

/** The vector of length 1 in a direction, in 65,536ths of a turn from the x axis towards the y axis. */
export function direction(turn: number): [number, number] {
  const quarter = ((turn + 0x2000) & 0xffff) >> 14;
  // What is left is at most an eighth of a turn in either direction.
  const rest = ((turn - (quarter << 14)) << 16) >> 16;
  const angle = f(rest * ANGLE);
  const square = f(angle * angle);
  const part = (by: number, of: number): number => f(1 - f(f(square * by) * of));
  const sine = f(angle * part(SIXTH, part(TWENTIETH, f(1 - f(square * FORTY_SECOND)))));
  const inner = part(THIRTIETH, f(1 - f(square * FIFTY_SIXTH)));
  const cosine = f(1 - f(f(square * 0.5) * part(TWELFTH, inner)));
  switch (quarter) {
    case 0:
      return [cosine, sine];
    case 1:
      return [-sine, cosine];
    case 2:
      return [-cosine, -sine];
    default:
      return [sine, -cosine];
  }
}
