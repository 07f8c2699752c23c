package harness

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"
)

// Fault disturbs requests on their way to a service, from Break until End. Only one of its effects applies to a request, in the order of the fields.
type Fault struct {
	// Match selects the requests; all if nil.
	Match func(APIRequest) bool
	// Every hits only each n-th of them; 0 hits all.
	Every int

	// Latency passes before the request is sent on, which then succeeds.
	Latency time.Duration
	// Reset breaks the connection before the service has the request.
	Reset bool
	// Lost breaks the connection when the service has handled the request.
	Lost bool
	// Truncated sends half of the answer, and then breaks the connection.
	Truncated bool
	// Twice sends the request twice; the client gets the second answer.
	Twice bool
	// Status is the answer; the service never sees the request. RetryAfter is its header, in seconds, if positive.
	Status     int
	RetryAfter int
	// Stalled lets requests pass, but nothing comes out of an answer any more, nor does it end: a watch that is silent.
	Stalled bool

	hits int
	tap  *Tap
	over chan struct{}
}

// Break begins a fault.
func (t *Tap) Break(f *Fault) *Fault {
	f.tap, f.over = t, make(chan struct{})
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults = append(t.faults, f)
	return f
}

// End ends it. What it has stalled is broken, so that the client must ask again.
func (f *Fault) End() {
	f.tap.mu.Lock()
	defer f.tap.mu.Unlock()
	for i, other := range f.tap.faults {
		if other == f {
			f.tap.faults = append(f.tap.faults[:i:i], f.tap.faults[i+1:]...)
			close(f.over)
			return
		}
	}
}

// Hits is how many requests were disturbed.
func (f *Fault) Hits() int {
	f.tap.mu.Lock()
	defer f.tap.mu.Unlock()
	return f.hits
}

// faulty is the first fault for this request. The caller holds the lock.
func (t *Tap) faulty(r APIRequest) *Fault {
	for _, f := range t.faults {
		if f.Match != nil && !f.Match(r) {
			continue
		}
		f.hits++
		if f.Every > 1 && f.hits%f.Every != 0 {
			return nil
		}
		return f
	}
	return nil
}

// apply sends the request on, with what the fault does to it; nil does nothing.
func (f *Fault) apply(next http.Handler, w http.ResponseWriter, req *http.Request) {
	switch {
	case f == nil:
		next.ServeHTTP(w, req)
	case f.Latency > 0:
		f.delay(next, w, req)
	case f.Reset:
		panic(http.ErrAbortHandler)
	case f.Lost, f.Truncated:
		f.cut(next, w, req)
	case f.Twice:
		f.repeat(next, w, req)
	case f.Status > 0:
		f.refuse(w)
	case f.Stalled:
		next.ServeHTTP(&stalledWriter{ResponseWriter: w, over: f.over, gone: req.Context().Done()}, req)
	default:
		next.ServeHTTP(w, req)
	}
}

func (f *Fault) delay(next http.Handler, w http.ResponseWriter, req *http.Request) {
	select {
	case <-time.After(f.Latency):
	case <-req.Context().Done():
	case <-f.over:
	}
	next.ServeHTTP(w, req)
}

// cut lets the service respond, and gives the client none or half of it. A watch has no end, so it is broken at once.
func (f *Fault) cut(next http.Handler, w http.ResponseWriter, req *http.Request) {
	if parseAPIRequest(req).Verb == "watch" {
		panic(http.ErrAbortHandler)
	}
	recorder := httptest.NewRecorder()
	next.ServeHTTP(recorder, req)
	if body := recorder.Body.Bytes(); f.Truncated {
		w.Header().Set("Content-Type", recorder.Header().Get("Content-Type"))
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(recorder.Code)
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
	}
	panic(http.ErrAbortHandler)
}

// repeat sends a request with a body twice, as a proxy that repeats what it believes to be lost.
func (f *Fault) repeat(next http.Handler, w http.ResponseWriter, req *http.Request) {
	if !parseAPIRequest(req).IsWrite() {
		next.ServeHTTP(w, req)
		return
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	for _, to := range []http.ResponseWriter{httptest.NewRecorder(), w} {
		again := req.Clone(req.Context())
		again.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(to, again)
	}
}

// refuse responds as the API server does when it has no time, or no etcd.
func (f *Fault) refuse(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
	w.WriteHeader(f.Status)
	_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"the server is disturbed","code":`+strconv.Itoa(f.Status)+`}`)
}

// stalledWriter takes the headers and nothing else, until the fault is over.
type stalledWriter struct {
	http.ResponseWriter
	over, gone <-chan struct{}
}

// Unwrap lets the proxy flush the headers.
func (s *stalledWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (s *stalledWriter) Write([]byte) (int, error) {
	select {
	case <-s.over:
	case <-s.gone:
	}
	return 0, http.ErrAbortHandler
}
