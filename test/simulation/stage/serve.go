package stage

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"

	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
)

// Serve lets a handler answer without a socket. One that closes the connection gives no answer, and one that writes too little is cut short.
func Serve(handler http.Handler, request *http.Request, over *tls.ConnectionState) (response *http.Response, err error) {
	defer func() {
		if r := recover(); r != nil {
			if e, ok := r.(error); !ok || !errors.Is(e, http.ErrAbortHandler) {
				panic(r)
			}
			if err = request.Context().Err(); err == nil {
				err = io.ErrUnexpectedEOF
			}
			response = nil
		}
	}()
	inner := request.Clone(request.Context())
	inner.RequestURI, inner.Host, inner.TLS = request.URL.RequestURI(), request.URL.Host, over
	if inner.Body == nil {
		inner.Body = http.NoBody
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, inner)
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	response = recorder.Result()
	response.Request = request
	if request.Method == http.MethodHead {
		response.Body = http.NoBody
	} else if want, err := strconv.Atoi(response.Header.Get("Content-Length")); err == nil && want > recorder.Body.Len() {
		response.Body = io.NopCloser(io.MultiReader(bytes.NewReader(recorder.Body.Bytes()), cutShort{}))
	}
	return response, nil
}

// cutShort is the end of a body that lacks a part.
type cutShort struct{}

// Read implements io.Reader.
func (cutShort) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// NewAuthority makes the certificate authority of simulated services.
func NewAuthority() *simtls.CA {
	ca, err := simtls.NewCA("simulation")
	Must(err)
	return ca
}
