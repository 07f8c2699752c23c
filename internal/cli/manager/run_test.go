package manager

import (
	"bytes"
	"context"
	"encoding/pem"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
)

func TestClients_SayWhoTheyAreAndAskForNoCompression(t *testing.T) {
	asked := make(chan http.Header, 1)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Header
		w.WriteHeader(http.StatusNotFound)
	}))
	defer server.Close()
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	config := &rest.Config{Host: server.URL, TLSClientConfig: rest.TLSClientConfig{CAData: authority}}
	asOurs(config)
	c, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CoreV1().Nodes().Get(t.Context(), "n", metav1.GetOptions{}); err == nil {
		t.Fatal("there is a node")
	}
	header := <-asked
	if agent := header.Get("User-Agent"); !strings.Contains(agent, "credential-rotation-operator") {
		t.Errorf("the user agent is %q", agent)
	}
	if encoding := header.Get("Accept-Encoding"); strings.Contains(encoding, "gzip") {
		t.Errorf("the answer may be encoded as %q", encoding)
	}
}

func TestManagerOptions_HoldNoSecretInMemoryAndElectInTheOwnNamespace(t *testing.T) {
	o := options{namespace: "own"}
	m, err := o.managerOptions(newTLSFollower())
	if err != nil {
		t.Fatal(err)
	}
	if m.LeaderElectionNamespace != "own" || m.LeaderElectionID != "credential-rotation-operator" {
		t.Errorf("the leader is elected by the Lease %s/%s", m.LeaderElectionNamespace, m.LeaderElectionID)
	}
	made, err := m.NewCache(&rest.Config{Host: "https://127.0.0.1:1"}, cache.Options{Scheme: m.Scheme, Mapper: noMapper{}})
	if err != nil {
		t.Fatal(err)
	}
	if _, guarded := made.(*guardedCache); !guarded {
		t.Errorf("the manager's cache is a %T, which would hold Secrets", made)
	}
	for _, kind := range []string{"Secret", "ConfigMap", "Namespace"} {
		if m.Client.Cache == nil || !slices.ContainsFunc(m.Client.Cache.DisableFor, func(o client.Object) bool { return fmt.Sprintf("%T", o) == "*v1."+kind }) {
			t.Errorf("a %s is read through the cache", kind)
		}
	}
}

// checked is a manager that says which checks were added to it.
type checked struct {
	ctrl.Manager
	synced         *fakeSyncer
	health, readyz map[string]healthz.Checker
}

func (c *checked) AddHealthzCheck(name string, check healthz.Checker) error {
	c.health[name] = check
	return nil
}

func (c *checked) AddReadyzCheck(name string, check healthz.Checker) error {
	c.readyz[name] = check
	return nil
}

func (c *checked) GetCache() cache.Cache { return syncing{fakeSyncer: c.synced} }

// syncing is a cache as far as a readiness check needs one.
type syncing struct {
	cache.Cache
	fakeSyncer *fakeSyncer
}

func (s syncing) WaitForCacheSync(ctx context.Context) bool {
	return s.fakeSyncer.WaitForCacheSync(ctx)
}

func TestHealth_IsTheClocksAndReadinessTheCaches(t *testing.T) {
	m := &checked{synced: &fakeSyncer{}, health: map[string]healthz.Checker{}, readyz: map[string]healthz.Checker{}}
	if err := addHealthChecks(m, newLeaseRights("own", logr.Discard())); err != nil {
		t.Fatal(err)
	}
	probe := httptest.NewRequest("GET", "/", nil)
	for _, name := range []string{"ping", "clock"} {
		if check := m.health[name]; check == nil || check(probe) != nil {
			t.Errorf("there is no health check %s, or a process that has just started does not pass it", name)
		}
	}
	ready := func() (err error) {
		for _, check := range m.readyz {
			if err = check(probe); err != nil {
				return err
			}
		}
		return nil
	}
	if ready() == nil {
		t.Error("it is ready before the caches are synced")
	}
	m.synced.synced = true
	if err := ready(); err != nil {
		t.Errorf("it is not ready although the caches are synced: %v", err)
	}
}

func TestUseLogger_TakesInTheLibrariesThatLogByThemselves(t *testing.T) {
	glog := flag.CommandLine.Lookup("logtostderr")
	if glog == nil {
		t.Fatal("nothing registers the flags of glog any more: useLogger need not set one")
	}
	if err := glog.Value.Set("false"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { klog.SetLogger(logr.Discard()) })
	var out bytes.Buffer
	useLogger(funcr.New(func(_, line string) { out.WriteString(line) }, funcr.Options{}))
	klog.Info("a line of client-go's")
	if !strings.Contains(out.String(), "a line of client-go's") {
		t.Errorf("klog logs elsewhere; the log has %q", out.String())
	}
	if glog.Value.String() != "true" {
		t.Error("glog, which the OCM SDK logs with, writes files into the temporary directory")
	}
}

// The log of controller-runtime can be set once in a process, so the command runs in one of its own. It ends, and the kubelet starts it again.
func TestManagerCommand_SaysWhatAnAPIServerThatIsDownKeepsItFrom(t *testing.T) {
	const inChild = "MANAGER_TEST_CHILD"
	if os.Getenv(inChild) != "" {
		cmd := NewCommand()
		cmd.SetArgs([]string{"--metrics-bind-address=0", "--health-probe-bind-address=0", "--leader-elect"})
		t.Log(cmd.ExecuteContext(t.Context()))
		return
	}
	dir := t.TempDir()
	write(t, dir, "kubeconfig", []byte(`{"apiVersion":"v1","kind":"Config","current-context":"c","contexts":[{"name":"c","context":{"cluster":"c"}}],
		"clusters":[{"name":"c","cluster":{"server":"https://127.0.0.1:1"}}]}`)) // nobody listens there
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.count=1")
	child.Env = append(os.Environ(), inChild+"=1", "KUBECONFIG="+filepath.Join(dir, "kubeconfig"), namespaceVariable+"=own")
	var log bytes.Buffer
	child.Stderr = &log
	if err := child.Run(); err != nil {
		t.Error(err)
	}
	for _, said := range []string{`"msg":"The cluster's proxy could not be read`, `"msg":"The cluster's TLS profile could not be read`, "connection refused\n"} {
		if !strings.Contains(log.String(), said) {
			t.Errorf("it does not say %q, but\n%s", said, log.String())
		}
	}
}
