package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
)

// isOpen says whether a path is served without the token: those that ask for it are probes and collectors, and what they
// get names no lead. Everything else is guarded, also what will be served one day.
func isOpen(path string) bool { return path == "/livez" || path == "/readyz" || path == "/metrics" }

// guard lets only those through who show the token, everyone where there is none.
func (h *handler) guard(next http.Handler) http.Handler {
	if h.Token == "" {
		return next
	}
	// The hashes are of one length, so the comparison tells nothing about the token's.
	want := sha256.Sum256([]byte(h.Token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isOpen(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		shown := sha256.Sum256([]byte(shownToken(r)))
		if subtle.ConstantTimeCompare(shown[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Basic realm="hotlead", charset="UTF-8"`)
			writeProblem(w, http.StatusUnauthorized, "show the token of http.token_file: as a bearer token, or as the password with any user name")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// mayWrite is whether events are taken from whoever asks: with a token from all who have shown it, without one from this
// machine alone. The name that was asked for counts too, or a site could have its own name lead here. What a proxy on this
// machine passes on comes from elsewhere.
func (h *handler) mayWrite(r *http.Request) bool {
	if h.Token != "" {
		return true
	}
	for _, passedOn := range [...]string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if r.Header.Get(passedOn) != "" {
			return false
		}
	}
	at, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return at != nil && isLoopback(at.String()) && isLoopback(r.Host)
}

// onlyWriters answers whoever no events are taken from; done says that it has.
func (h *handler) onlyWriters(w http.ResponseWriter, r *http.Request) (done bool) {
	if h.mayWrite(r) {
		return false
	}
	writeProblem(w, http.StatusForbidden, "without http.token_file events are taken from this machine alone, as localhost or a loopback address")
	return true
}

// isLoopback is whether an address, with a port or without, is this machine's own.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = strings.Trim(address, "[]")
	}
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// shownToken is the token that a request carries, "" for none.
func shownToken(r *http.Request) string {
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// sameOrigin keeps what another site makes a browser send from having an effect: a browser shows the token by itself, once
// it knows it, whichever page asks. Programs that are no browsers are let through.
func sameOrigin(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, http.StatusForbidden, "a browser may only send this from hotlead's own page")
	}))
	return protection.Handler(next)
}
