// Package proxy decides which proxy a request to a service outside of the cluster goes through: the one in the environment if there is one, else
// that of the cluster.
//
// The Operator Lifecycle Manager puts the cluster's proxy into the environment of a Deployment. Nothing does that for manifests that are applied
// by kustomize or by the installer, so the operator itself follows Proxy/cluster.
package proxy

import (
	"net/http"
	"net/url"
	"os"
	"sync/atomic"

	"golang.org/x/net/http/httpproxy"
)

// Settings are the status of Proxy/cluster: URLs and a list of exceptions, in the form of the environment variables of the same names. A URL may
// hold a password.
type Settings struct{ HTTPProxy, HTTPSProxy, NoProxy string }

// String keeps the password of a proxy out of logs.
func (s Settings) String() string {
	if s.HTTPProxy == "" && s.HTTPSProxy == "" {
		return "no proxy"
	}
	return "a proxy"
}

// GoString keeps the password of a proxy out of logs.
func (s Settings) GoString() string { return s.String() }

// ofCluster is the cluster's proxy; nil if none is known. It is global because a process runs in one cluster.
var ofCluster atomic.Pointer[func(*url.URL) (*url.URL, error)]

// SetCluster sets the cluster's proxy; the next request goes through it. It returns false if the environment names a proxy, which takes
// precedence.
func SetCluster(s Settings) bool {
	choose := (&httpproxy.Config{HTTPProxy: s.HTTPProxy, HTTPSProxy: s.HTTPSProxy, NoProxy: s.NoProxy}).ProxyFunc()
	ofCluster.Store(&choose)
	return !inEnvironment()
}

// For returns the proxy of a request for http.Transport; nil without an error means none.
func For(req *http.Request) (*url.URL, error) {
	choose := ofCluster.Load()
	if choose == nil || inEnvironment() {
		return http.ProxyFromEnvironment(req)
	}
	return (*choose)(req.URL)
}

// inEnvironment is true if the environment names a proxy. NO_PROXY alone does not count: many base images set it.
func inEnvironment() bool {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		if os.Getenv(name) != "" {
			return true
		}
	}
	return false
}
