package manager

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestManagerCommand_NamesTheVariableWhenTheNamespaceIsUnknown(t *testing.T) {
	t.Setenv(namespaceVariable, "")
	cmd := NewCommand()
	cmd.SetArgs([]string{}) // and not those of the test
	cmd.SetOut(io.Discard)
	cmd.SetErr(io.Discard)
	err := cmd.Execute()
	if err == nil || !strings.Contains(err.Error(), namespaceVariable) {
		t.Errorf("without a namespace the manager said %v; want an error that names %s", err, namespaceVariable)
	}
}

func TestManagerCommand_RefusesLeaseTimesThatCannotWork(t *testing.T) {
	t.Setenv(namespaceVariable, "somewhere")
	cmd := NewCommand()
	cmd.SetArgs([]string{"--leader-elect-lease-duration=10s", "--leader-elect-renew-deadline=10s"})
	cmd.SetOut(io.Discard)
	cmd.SetErr(io.Discard)
	err := cmd.Execute()
	if err == nil || !strings.Contains(err.Error(), "lease duration (10s)") {
		t.Errorf("lease times that cannot work were answered with %v", err)
	}
}

func TestLogger_NeverReachesTheLevelsThatPrintBodies(t *testing.T) {
	for _, tc := range []struct {
		flag string
		// highest is the most verbose level that must still be written.
		highest int
	}{
		{"--zap-log-level=10", 6}, // from 7 on client-go logs headers, from 8 on bodies
		{"--zap-log-level=127", 6},
		{"--zap-log-level=2", 2},
		{"--zap-log-level=info", 0},
	} {
		t.Run(tc.flag, func(t *testing.T) {
			var l logFlags
			flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
			l.bind(flags)
			if err := flags.Parse([]string{tc.flag}); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			log := l.logger(&out)
			for level := 0; level <= 10; level++ {
				out.Reset()
				log.V(level).Info("an entry")
				if written, want := out.Len() > 0, level <= tc.highest; written != want {
					t.Errorf("V(%d) written: %t, want %t", level, written, want)
				}
			}
		})
	}
}

func TestLogFlags_OfferNoDevelopmentMode(t *testing.T) {
	if f := NewCommand().Flags().Lookup("zap-devel"); f != nil {
		t.Error("--zap-devel is offered; it logs whole objects, Secrets among them")
	}
}

func TestGuardedCache_RefusesSecretsAndConfigMapsInEveryForm(t *testing.T) {
	scheme, err := NewScheme()
	if err != nil {
		t.Fatal(err)
	}
	c, err := newGuardedCache(&rest.Config{Host: "https://127.0.0.1:1"}, cache.Options{Scheme: scheme, Mapper: noMapper{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	metadata := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}}
	for name, refused := range map[string]error{
		"get a Secret":             c.Get(ctx, client.ObjectKey{Namespace: "a", Name: "b"}, &corev1.Secret{}),
		"get a Secret's metadata":  c.Get(ctx, client.ObjectKey{Namespace: "a", Name: "b"}, metadata),
		"list Secrets":             c.List(ctx, &corev1.SecretList{}),
		"list ConfigMaps":          c.List(ctx, &corev1.ConfigMapList{}),
		"index Secrets":            c.IndexField(ctx, &corev1.Secret{}, "type", nil),
		"an informer of Secrets":   secondOf(c.GetInformer(ctx, &corev1.Secret{})),
		"an informer of their GVK": secondOf(c.GetInformerForKind(ctx, corev1.SchemeGroupVersion.WithKind("Secret"))),
	} {
		if !errors.Is(refused, ErrNeverCached) {
			t.Errorf("%s: got %v, want ErrNeverCached", name, refused)
		}
	}
	for _, o := range []client.Object{&configv1.ClusterVersion{}, &corev1.Node{}} {
		if err := c.(*guardedCache).refuse(o); err != nil {
			t.Errorf("a %T may be cached, got %v", o, err)
		}
	}
}

func TestClockJumpCheck(t *testing.T) {
	start := time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name string
		// wall and monotonic are how far each clock has moved since the start.
		wall, monotonic time.Duration
		healthy         bool
	}{
		{"both clocks moved together for days", 72 * time.Hour, 72 * time.Hour, true},
		{"a time service slewed the clock by five minutes", time.Hour + 5*time.Minute, time.Hour, true},
		{"the machine was suspended overnight", 10 * time.Hour, 2 * time.Hour, false},
		{"the clock was set back", -time.Hour, time.Minute, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			const up = time.Hour // the monotonic clock need not start with the check
			now := clockReading{wall: start, monotonic: up}
			check := clockJumpCheck(func() clockReading { return now })
			now = clockReading{wall: start.Add(tc.wall), monotonic: up + tc.monotonic}
			for range 2 { // It stays that way.
				if err := check(nil); (err == nil) != tc.healthy {
					t.Errorf("the check said %v, want healthy %t", err, tc.healthy)
				}
			}
		})
	}
}

func TestReadClocks_BothClocksAdvance(t *testing.T) {
	read := readClocks()
	first, second := read(), read()
	if second.monotonic < first.monotonic || second.wall.Before(first.wall) {
		t.Errorf("clocks went back: %v then %v", first, second)
	}
	if first.wall != first.wall.Round(0) {
		t.Error("the reading of the wall clock has one of the monotonic clock with it, which differences would be made of")
	}
}

func TestCacheSyncedCheck_PassesOnceSyncedAndRemembers(t *testing.T) {
	syncer := &fakeSyncer{}
	check := cacheSyncedCheck(syncer)
	req := httptest.NewRequest("GET", "/readyz", nil)
	if err := check(req); err == nil {
		t.Error("ready before the caches were synced")
	}
	syncer.synced = true
	if err := check(req); err != nil {
		t.Errorf("not ready although the caches are synced: %v", err)
	}
	asked := syncer.asked
	if err := check(req); err != nil || syncer.asked != asked {
		t.Errorf("asked the caches again (%d, then %d times) or forgot: %v", asked, syncer.asked, err)
	}
}

func TestCacheSyncedCheck_AnswersBeforeTheKubeletGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := cacheSyncedCheck(&fakeSyncer{})(httptest.NewRequest("GET", "/readyz", nil)); err == nil {
			t.Error("ready before the caches were synced")
		}
		if took := time.Since(start); took == 0 || took >= time.Second {
			t.Errorf("the answer took %s: the caches have no time, or the kubelet, which waits for a second, hears of no reason", took)
		}
	})
}

// fakeSyncer waits until it is synced, as caches do.
type fakeSyncer struct {
	synced bool
	asked  int
}

func (f *fakeSyncer) WaitForCacheSync(ctx context.Context) bool {
	f.asked++
	if !f.synced {
		<-ctx.Done()
	}
	return f.synced
}

func secondOf[T any](_ T, err error) error { return err }

// noMapper maps nothing: nothing that a test asks for gets as far.
type noMapper struct{ meta.RESTMapper }

func TestAllowedHosts_ComeFromTheFlagElseFromTheEnvironmentElseThePublicOnes(t *testing.T) {
	const public = "api.openshift.com,sso.redhat.com,api.openshiftusgov.com,sso.openshiftusgov.com"
	for name, tc := range map[string]struct {
		variable, flag, want string
	}{
		"neither":  {"", "", public},
		"variable": {"a.example,b.example:8443", "", "a.example,b.example:8443"},
		"both":     {"a.example", "--allowed-ocm-hosts=c.example", "c.example"},
		"nonsense": {"https://a.example", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(ocmHostsVariable, tc.variable)
			var o controllerOptions
			flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
			o.bind(flags)
			if tc.flag != "" {
				if err := flags.Parse([]string{tc.flag}); err != nil {
					t.Fatal(err)
				}
			}
			if err := o.readEnvironment(flags); tc.want == "" {
				if err == nil || !strings.Contains(err.Error(), ocmHostsVariable) {
					t.Errorf("got %v, want an error that names the variable", err)
				}
				return
			} else if err != nil {
				t.Fatal(err)
			}
			if got := o.pullSecret.OCMHosts.String(); got != tc.want {
				t.Errorf("allowed are %s, want %s", got, tc.want)
			}
			if !o.cap.CAPHosts.Empty() {
				t.Errorf("CAP's hosts are %s", o.cap.CAPHosts)
			}
		})
	}
}
