// Go's own reverse proxy with the forwarding fields the others set: main LISTEN UPSTREAM.
package main

import (
	"fmt"
	"log"
	"math/rand"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"time"
)

func main() {
	upstream, err := url.Parse(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(upstream)
	direct := proxy.Director
	proxy.Director = func(request *http.Request) {
		direct(request)
		request.Header.Set("X-Forwarded-Proto", "http")
		request.Header.Set("X-Forwarded-Host", request.Host)
		request.Header.Set("X-Request-Id", fmt.Sprintf("%016x", rand.Uint64()))
	}
	proxy.FlushInterval = -1
	proxy.ErrorLog = log.New(nowhere{}, "", 0)
	proxy.Transport = &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 3 * time.Second}).DialContext,
		MaxIdleConns:        1024,
		MaxIdleConnsPerHost: 1024,
		DisableCompression:  true,
	}
	server := &http.Server{Addr: os.Args[1], Handler: proxy, ErrorLog: log.New(nowhere{}, "", 0)}
	log.Fatal(server.ListenAndServe())
}

type nowhere struct{}

func (nowhere) Write(text []byte) (int, error) { return len(text), nil }
