// A web server for the files of one folder: node serve.cjs FOLDER PORT
const http = require('node:http');
const fs = require('node:fs');
const path = require('node:path');

const [site, port] = process.argv.slice(2);
const root = fs.realpathSync(site);
const types = { '.html': 'text/html; charset=utf-8', '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml', '.png': 'image/png', '.jpg': 'image/jpeg' };

const server = http.createServer((request, response) => {
  let name;
  try {
    name = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
  } catch {
    response.writeHead(400).end();
    return;
  }
  const file = path.join(root, name.endsWith('/') ? name + 'index.html' : name);
  // Nothing outside of the folder, whatever the address says.
  if (!file.startsWith(root + path.sep)) {
    response.writeHead(404).end();
    return;
  }
  fs.readFile(file, (error, content) => {
    if (error) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('not found\n');
      return;
    }
    const type = types[path.extname(file)] || 'text/plain; charset=utf-8';
    response.writeHead(200, { 'content-type': type, 'content-length': content.length, 'cache-control': 'no-cache' }).end(content);
  });
});

server.listen(Number(port), '127.0.0.1', () => console.log(`Serving ${site} on http://127.0.0.1:${port}/`));
