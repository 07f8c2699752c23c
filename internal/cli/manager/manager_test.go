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
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/openshift/credential-rotation-operator/internal/hosts"
	"github.com/openshift/credential-rotation-operator/internal/version"
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

func TestAllowedHosts_ComeFromTheFlagElseFromTheEnvironmentElseTheDefault(t *testing.T) {
	for _, service := range []struct {
		variable, flag, otherwise string
		hosts                     func(*controllerOptions) string
	}{
		{ocmHostsVariable, "--allowed-ocm-hosts", "api.openshift.com,sso.redhat.com,api.openshiftusgov.com,sso.openshiftusgov.com",
			func(o *controllerOptions) string { return o.pullSecret.OCMHosts.String() }},
		{capHostsVariable, "--allowed-cap-hosts", hosts.List{}.String(), func(o *controllerOptions) string { return o.cap.CAPHosts.String() }},
	} {
		for name, tc := range map[string]struct {
			variable, flag, want string
			refused              bool
		}{
			"neither":  {want: service.otherwise},
			"variable": {variable: "a.example,b.example:8443", want: "a.example,b.example:8443"},
			"flag":     {flag: "c.example", want: "c.example"},
			"both":     {variable: "a.example", flag: "c.example", want: "c.example"},
			"nonsense": {variable: "https://a.example", refused: true},
		} {
			t.Run(service.variable+" "+name, func(t *testing.T) {
				t.Setenv(ocmHostsVariable, "")
				t.Setenv(capHostsVariable, "")
				t.Setenv(service.variable, tc.variable)
				var o controllerOptions
				flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
				o.bind(flags)
				if tc.flag != "" {
					if err := flags.Parse([]string{service.flag + "=" + tc.flag}); err != nil {
						t.Fatal(err)
					}
				}
				err := o.readEnvironment(flags)
				if tc.refused {
					if err == nil || !strings.Contains(err.Error(), service.variable) {
						t.Errorf("got %v, want an error that names the variable", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if got := service.hosts(&o); got != tc.want {
					t.Errorf("allowed are %s, want %s", got, tc.want)
				}
			})
		}
	}
}

// intervals are those of both controllers, by the flag that sets each.
func intervals(o *controllerOptions) map[string]*time.Duration {
	p, c := &o.pullSecret, &o.cap
	return map[string]*time.Duration{
		"pull-secret-poll-min": &p.PollMin, "pull-secret-poll-max": &p.PollMax,
		"pull-secret-revoke-poll-min": &p.RevokePollMin, "pull-secret-revoke-poll-max": &p.RevokePollMax,
		"pull-secret-pool-poll": &p.PoolPoll, "ocm-timeout": &p.OCMTimeout,
		"pull-secret-request-spread": &p.RequestSpread, "pull-secret-look-pace": &p.LookPace, "pull-secret-progress-pause": &p.ProgressPause,
		"pull-secret-verify-retry": &p.VerifyRetry, "pull-secret-verify-deadline": &p.VerifyDeadline,
		"pull-secret-proof-retry": &p.ProofRetry, "pull-secret-proof-deadline": &p.ProofPatience, "pull-secret-proof-interval": &p.ProofInterval,
		"pull-secret-probe-delay": &p.ProbeDelay, "pull-secret-probe-attempt": &p.ProbeAttempt,
		"pull-secret-issue-deadline": &p.IssueDeadline, "pull-secret-revoke-deadline": &p.RevokeDeadline,
		"cap-max-sleep": &c.MaxSleep, "cap-round-budget": &c.RoundBudget, "cap-restart-retry": &c.RestartRetry,
	}
}

func TestControllerFlags_SetOneIntervalEachAndShowItsDefault(t *testing.T) {
	var defaults controllerOptions
	defaults.pullSecret.SetDefaults()
	defaults.cap.SetDefaults()
	for flag, usual := range intervals(&defaults) {
		t.Run(flag, func(t *testing.T) {
			var o controllerOptions
			flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
			o.bind(flags)
			f := flags.Lookup(flag)
			if f == nil || f.DefValue != usual.String() {
				t.Fatalf("the help shows the flag %+v, want the default %s", f, usual)
			}
			const chosen = 4711 * time.Second
			if err := flags.Parse([]string{"--" + flag + "=" + chosen.String()}); err != nil {
				t.Fatal(err)
			}
			for other, got := range intervals(&o) {
				if want := *intervals(&defaults)[other]; other == flag && *got != chosen || other != flag && *got != want {
					t.Errorf("the interval of %s is %s", other, got)
				}
			}
		})
	}
}

func TestManagerCommand_TakesWhatADeploymentSets(t *testing.T) {
	for _, arg := range []string{
		"--metrics-bind-address=0", "--metrics-secure=false", "--metrics-cert-dir=/certs", "--health-probe-bind-address=0",
		"--leader-elect", "--leader-elect-lease-duration=9s", "--leader-elect-renew-deadline=6s", "--leader-elect-retry-period=2s",
		"--zap-log-level=4", "--pull-secret-poll-min=1s", "--allowed-ocm-hosts=ocm.example",
	} {
		if err := NewCommand().ParseFlags([]string{arg}); err != nil {
			t.Errorf("%s: %v", arg, err)
		}
	}
}

// The times are those that OpenShift asks of its operators.
func TestManagerCommand_ShowsNobodyTheMetricsAndKeepsTheLeadInAnOutageByDefault(t *testing.T) {
	flags := NewCommand().Flags()
	for flag, want := range map[string]string{
		"metrics-secure": "true", "leader-elect-lease-duration": "2m17s", "leader-elect-renew-deadline": "1m47s", "leader-elect-retry-period": "26s",
	} {
		if f := flags.Lookup(flag); f == nil || f.DefValue != want {
			t.Errorf("the flag %s is %+v, want the default %s", flag, f, want)
		}
	}
}

func TestValidate_RefusesLeaseTimesThatCostTheLead(t *testing.T) {
	for _, tc := range []struct {
		lease, renew, retry time.Duration
		valid               bool
	}{
		{3, 2, 1, true},
		{2, 2, 1, false},
		{1, 2, 1, false},
		{3, 2, 2, false},
		{3, 1, 2, false},
	} {
		o := options{namespace: "own", leaseDuration: tc.lease, renewDeadline: tc.renew, retryPeriod: tc.retry}
		if err := o.validate(); (err == nil) != tc.valid {
			t.Errorf("lease %d, deadline %d and retry %d: %v, want valid %t", tc.lease, tc.renew, tc.retry, err, tc.valid)
		}
	}
}

func TestMetrics_NameTheVersion(t *testing.T) {
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if m := family.GetMetric(); family.GetName() == "credential_rotation_build_info" && len(m) == 1 &&
			m[0].GetLabel()[0].GetValue() == version.String() && m[0].GetGauge().GetValue() == 1 {
			return
		}
	}
	t.Error("there is no credential_rotation_build_info of 1 with the version")
}
