/**
 * A call of `T` as a post: for what crosses to another thread as it is, and not for every request. To add one, name it
 * in K, and let the caller's end post it.
 */
export type PostedCall<T, K extends keyof T> = {
  readonly [N in K]: T[N] extends (...args: infer A) => void
    ? { readonly kind: 'call'; readonly name: N; readonly args: A }
    : never;
}[K];

/** The caller's end of one call. */
export function posted<T, N extends keyof T>(
  name: N,
  post: (call: PostedCall<T, N>) => void,
): (...args: PostedCall<T, N>['args']) => void {
  return (...args) => post({ kind: 'call', name, args } as PostedCall<T, N>);
}

/** The other end: calls it. */
export function callPosted<T, K extends keyof T>(target: T, call: PostedCall<T, K>): void {
  const method = target[call.name] as (...args: unknown[]) => void;
  method.apply(target, call.args);
}
