/** A small Node server, as a person would write it: what a wake of a Node app is measured with. */
import { createServer } from 'node:http';

const server = createServer((_request, response) => response.end('hello\n'));
server.listen(Number(process.env.PORT ?? 8080));
process.on('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});
