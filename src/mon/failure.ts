import { CephError, type ErrnoName } from '../errors/index.ts';

/** A refusal thrown from inside a command's handler; the dispatcher turns it into the reply. */
export class CommandFailure extends CephError {
  constructor(errno: ErrnoName, status: string) {
    super(errno, status);
    this.name = 'CommandFailure';
  }
}
