import { type CrushRuleStep, RULE_OP } from '../types.ts';
import { type DocumentNode, S32, U32 } from './node.ts';

const OP_BY_NAME: Readonly<Record<string, number>> = {
  noop: RULE_OP.NOOP,
  take: RULE_OP.TAKE,
  emit: RULE_OP.EMIT,
  choose_firstn: RULE_OP.CHOOSE_FIRSTN,
  choose_indep: RULE_OP.CHOOSE_INDEP,
  chooseleaf_firstn: RULE_OP.CHOOSELEAF_FIRSTN,
  chooseleaf_indep: RULE_OP.CHOOSELEAF_INDEP,
  set_choose_tries: RULE_OP.SET_CHOOSE_TRIES,
  set_chooseleaf_tries: RULE_OP.SET_CHOOSELEAF_TRIES,
};

/** @param typeIds the types by name, the lowest id where two share one */
export function stepFromNode(
  node: DocumentNode,
  typeIds: ReadonlyMap<string, number>,
): CrushRuleStep {
  const op = opOf(node);
  const first = node.optional('arg1') ?? node.optional('item') ?? node.optional('num');
  return { op, arg1: first?.integer(S32) ?? 0, arg2: secondArgument(node, typeIds) };
}

function opOf(node: DocumentNode): number {
  const opcode = node.optional('opcode');
  if (opcode) return opcode.integer(U32);
  const name = node.get('op');
  return OP_BY_NAME[name.text()] ?? name.fail(`'${name.text()}' is not known`);
}

function secondArgument(node: DocumentNode, typeIds: ReadonlyMap<string, number>): number {
  const second = node.optional('arg2');
  if (second) return second.integer(S32);
  const type = node.optional('type');
  if (!type) return 0;
  return typeIds.get(type.text()) ?? type.fail(`there is no type '${type.text()}'`);
}
