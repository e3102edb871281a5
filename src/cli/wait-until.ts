/** Asks until it is so. @returns whether it is, within that time */
export async function waitUntil(
  isSo: () => boolean | Promise<boolean>,
  everyMs: number,
  withinMs = Number.POSITIVE_INFINITY,
): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > deadline) return false;
    await new Promise<void>((done) => setTimeout(done, everyMs));
  }
  return true;
}
