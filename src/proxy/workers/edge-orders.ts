/** What the daemon tells every worker's edge, a process of its own or not. Owns nothing. */
import type { Edge } from '../../edge/index.ts';
import type { CertificateOrder, ToWorker } from './worker-protocol.ts';

export type EdgeOrder = Extract<
  ToWorker,
  { type: 'opened' | 'closed' | 'expect' | 'slot-released' | 'refuse' | 'cut' | 'certificate-answer' }
>;

/** The version to acknowledge. */
export function certify(edge: Edge, order: CertificateOrder): number {
  switch (order.type) {
    case 'certificates':
      edge.replaceCertificates(order.certificates, order.challenges);
      break;
    case 'certificate-change':
      edge.applyCertificates(order.change);
      break;
    case 'challenge':
      if (order.isWithdrawn) edge.withdrawChallenge(order.challenge);
      else edge.putChallenge(order.challenge);
      break;
  }
  return order.version;
}

export function carryOut(edge: Edge, order: EdgeOrder): void {
  switch (order.type) {
    case 'opened':
      edge.opened(order.service);
      break;
    case 'closed':
      edge.closed(order.service);
      break;
    case 'expect':
      edge.expect(order.service, order.target);
      break;
    case 'slot-released':
      edge.slotReleased(order.service);
      break;
    case 'refuse':
      edge.refuse(order.service, order.failure);
      break;
    case 'certificate-answer':
      edge.certificateAnswered(order.host);
      break;
    case 'cut':
      edge.cutAt(order.service, order.targetIds);
      break;
  }
}
