package cluster

import (
	"errors"
	"testing"

	configv1 "github.com/openshift/api/config/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/openshift/credential-rotation-operator/internal/proxy"
)

func TestReadProxy_IsTheStatusWhichHasTheClustersOwnNetworks(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := configv1.Install(scheme); err != nil {
		t.Fatal(err)
	}
	reader := func(objects ...client.Object) client.Reader {
		return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
	}
	has := &configv1.Proxy{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}}
	has.Spec.HTTPSProxy, has.Spec.NoProxy = "http://wanted:1", "a"
	has.Status = configv1.ProxyStatus{HTTPProxy: "http://p:1", HTTPSProxy: "http://p:2", NoProxy: "a,.svc"}
	got, err := ReadProxy(t.Context(), reader(has))
	if want := (proxy.Settings{HTTPProxy: "http://p:1", HTTPSProxy: "http://p:2", NoProxy: "a,.svc"}); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := ReadProxy(t.Context(), reader()); err != nil || got != (proxy.Settings{}) {
		t.Errorf("a cluster without a proxy: %+v, %v", got, err)
	}
}

func TestProxyWatch_TellsEachChangeOnceAndKeepsWhatItKnew(t *testing.T) {
	var told []string
	w := proxyWatch(func(s proxy.Settings) { told = append(told, s.HTTPSProxy) })
	is := func(url string) runtime.Object {
		return &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"httpsProxy": url}}}
	}
	w.Replace(nil)
	w.Put(is("http://first"))
	w.Put(is("http://first"))
	w.Failed(errors.New("the API server is away"))
	w.Replace([]runtime.Object{is("http://first")})
	w.Put(is("http://second"))
	w.Delete(is("http://second"))
	want := []string{"", "http://first", "http://second", ""}
	if len(told) != len(want) {
		t.Fatalf("told %q, want %q", told, want)
	}
	for i := range want {
		if told[i] != want[i] {
			t.Errorf("told %q, want %q", told, want)
		}
	}
}
