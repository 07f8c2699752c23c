package cluster

import (
	"context"
	"fmt"

	configv1 "github.com/openshift/api/config/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/internal/objectwatch"
	"github.com/openshift/credential-rotation-operator/internal/proxy"
)

var proxiesResource = schema.GroupVersionResource{Group: "config.openshift.io", Version: "v1", Resource: "proxies"}

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

// ProxyWatch reports the cluster's proxy whenever it changes. It is a manager.Runnable and also runs on standby, so that a new leader knows the
// proxy at once.
type ProxyWatch struct {
	dynamic dynamic.Interface
	opts    objectwatch.Options
	changed func(proxy.Settings)
	known   bool
	last    proxy.Settings
}

// NewProxyWatch makes one; changed is called from one goroutine.
func NewProxyWatch(config *rest.Config, opts objectwatch.Options, changed func(proxy.Settings)) (*ProxyWatch, error) {
	d, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client for Proxy/cluster: %w", err)
	}
	return &ProxyWatch{dynamic: d, opts: opts, changed: changed}, nil
}

// NeedLeaderElection is false.
func (*ProxyWatch) NeedLeaderElection() bool { return false }

// Start watches until ctx ends.
func (w *ProxyWatch) Start(ctx context.Context) error {
	resource := w.dynamic.Resource(proxiesResource)
	objectwatch.Run(ctx, objectwatch.Source{
		Client: w.dynamic,
		Name:   "proxy",
		List:   func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return resource.List(ctx, o) },
		Watch:  resource.Watch, FieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, "cluster").String(),
	}, w, w.opts)
	return nil
}

// Replace implements objectwatch.Sink.
func (w *ProxyWatch) Replace(objects []runtime.Object) {
	if len(objects) == 0 {
		w.tell(proxy.Settings{})
	}
	for _, o := range objects {
		w.Put(o)
	}
}

// Put implements objectwatch.Sink.
func (w *ProxyWatch) Put(object runtime.Object) {
	p := &configv1.Proxy{}
	u, ok := object.(*unstructured.Unstructured)
	if !ok || runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, p) != nil {
		return
	}
	w.tell(proxySettings(p))
}

// Delete implements objectwatch.Sink.
func (w *ProxyWatch) Delete(runtime.Object) { w.tell(proxy.Settings{}) }

// Failed implements objectwatch.Sink: the last known proxy stays in effect.
func (w *ProxyWatch) Failed(error) {}

func (w *ProxyWatch) tell(s proxy.Settings) {
	if w.known && s == w.last {
		return
	}
	w.known, w.last = true, s
	w.changed(s)
}
