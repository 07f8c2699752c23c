package contract

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"sync/atomic"
)

// Middleware passes requests to next and reports each violation of the document by a request or a response. A violation does not
// change the response. Requests outside of Prefix are not checked.
//
// The response is buffered until it is complete. A handler that responds wrongly on purpose calls Excuse; one that panics with
// http.ErrAbortHandler (a lost response) is not checked.
func Middleware(next http.Handler, report func(violation string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, Prefix) {
			next.ServeHTTP(w, r)
			return
		}
		excused := new(atomic.Bool)
		r = r.WithContext(context.WithValue(r.Context(), excuseKey{}, excused))
		ex := judgeRequest(r, report)

		rec := &recorder{header: make(http.Header), status: http.StatusOK}
		next.ServeHTTP(rec, r)
		if ex != nil && !excused.Load() {
			ex.judgeResponse(r.Context(), rec.status, rec.header, rec.body.Bytes(), report)
		}
		for key, values := range rec.header {
			w.Header()[key] = values
		}
		w.WriteHeader(rec.status)
		_, _ = w.Write(rec.body.Bytes()) // the client has gone away
	})
}

// Requests passes requests to next and reports each violation of the document by a request alone. That costs little: Middleware judges the responses
// as well, which are those of a simulator and the same for all who ask.
func Requests(next http.Handler, report func(violation string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, Prefix) {
			judgeRequest(r, report)
		}
		next.ServeHTTP(w, r)
	})
}

type excuseKey struct{}

// Excuse exempts the response to r from the check, because it is wrong on purpose.
func Excuse(r *http.Request) {
	if excused, ok := r.Context().Value(excuseKey{}).(*atomic.Bool); ok {
		excused.Store(true)
	}
}

// recorder buffers a response until it has been checked.
type recorder struct {
	header  http.Header
	status  int
	written bool
	body    bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if !r.written {
		r.status, r.written = status, true
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.written = true
	return r.body.Write(p)
}
