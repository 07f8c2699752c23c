// Package proxy decides which proxy a request to a service outside of the cluster goes through: that of the environment where it
// names one, else that of the cluster.
//
// The Operator Lifecycle Manager puts the cluster's proxy into the environment of a Deployment. Nobody does that for manifests
// which are applied by kustomize or by the installer, so the operator itself knows Proxy/cluster, and follows it when it changes.
package proxy

import (
	"net/http"
	"net/url"
	"os"
	"sync/atomic"

	"golang.org/x/net/http/httpproxy"
)

// Settings are the status of Proxy/cluster: URLs and a list of exceptions, in the form of the variables of the same name. A URL
// may hold a password.
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

// ofCluster is that of the cluster; nil: none is known. One process is in one cluster, as it has one environment.
var ofCluster atomic.Pointer[func(*url.URL) (*url.URL, error)]

// SetCluster says which proxy the cluster has from now on; the next request goes through it. It returns whether that counts: not
// where the environment names one.
func SetCluster(s Settings) bool {
	choose := (&httpproxy.Config{HTTPProxy: s.HTTPProxy, HTTPSProxy: s.HTTPSProxy, NoProxy: s.NoProxy}).ProxyFunc()
	ofCluster.Store(&choose)
	return !inEnvironment()
}

// For is the proxy of a request, as http.Transport wants it; nil without an error is none.
func For(req *http.Request) (*url.URL, error) {
	choose := ofCluster.Load()
	if choose == nil || inEnvironment() {
		return http.ProxyFromEnvironment(req)
	}
	return (*choose)(req.URL)
}

// inEnvironment tells whether the environment names a proxy. NO_PROXY alone does not count: it is part of many base images.
func inEnvironment() bool {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		if os.Getenv(name) != "" {
			return true
		}
	}
	return false
}
