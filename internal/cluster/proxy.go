package cluster

import (
	"context"

	configv1 "github.com/openshift/api/config/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/internal/objectwatch"
	"github.com/openshift/credential-rotation-operator/internal/proxy"
)

// ReadProxy reads the cluster's proxy from the status of Proxy/cluster, whose noProxy includes the cluster's own networks. A cluster without that
// kind has none.
func ReadProxy(ctx context.Context, r client.Reader) (proxy.Settings, error) {
	p := &configv1.Proxy{}
	if _, err := get(ctx, r, "cluster", p); err != nil {
		return proxy.Settings{}, err
	}
	return proxySettings(p), nil
}

func proxySettings(p *configv1.Proxy) proxy.Settings {
	return proxy.Settings{HTTPProxy: p.Status.HTTPProxy, HTTPSProxy: p.Status.HTTPSProxy, NoProxy: p.Status.NoProxy}
}

// NewProxyWatch reports the cluster's proxy whenever it changes; changed is called from one goroutine.
func NewProxyWatch(config *rest.Config, opts objectwatch.Options, changed func(proxy.Settings)) (*OneWatch[proxy.Settings], error) {
	return newOneWatch(config, "proxies", opts, proxyWatch(changed))
}

func proxyWatch(changed func(proxy.Settings)) *OneWatch[proxy.Settings] {
	return &OneWatch[proxy.Settings]{
		read: func(object map[string]any) (proxy.Settings, error) {
			p := &configv1.Proxy{}
			err := runtime.DefaultUnstructuredConverter.FromUnstructured(object, p)
			return proxySettings(p), err
		},
		same:    func(a, b proxy.Settings) bool { return a == b },
		changed: changed,
	}
}
