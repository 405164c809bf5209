/** A service of which nothing was said, for those that publish one. */
import type { Issuance } from './contract.ts';

export { PLAIN_OPTIONS } from '../../edge/routing/service-route.ts';

export const PLAIN_ISSUANCE: Issuance = { staging: false, onDemandUrl: null, ownCertificateId: null };
