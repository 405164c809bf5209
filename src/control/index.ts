/** The control plane's door. */
export type * from './contract.ts';
export { type CloseOptions, ControlPlane, type ControlPlaneOptions } from './control-plane.ts';
