/** The API's door. Its typed client has a door of its own, `client/index.ts`. */
export { type ApiServer, type ApiServerOptions, createApiServer } from './api-server.ts';
