package proxy

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// clusterHas makes a cluster with this proxy, in an environment without one.
func clusterHas(t *testing.T, s Settings) bool {
	t.Helper()
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		t.Setenv(name, "")
	}
	t.Cleanup(func() { ofCluster.Store(nil) })
	return SetCluster(s)
}

func through(t *testing.T, target string) string {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	p, err := For(&http.Request{URL: u})
	if err != nil {
		t.Fatal(err)
	}
	if p == nil {
		return "direct"
	}
	return p.Host
}

func TestFor_IsTheClustersProxyWithItsExceptions(t *testing.T) {
	if !clusterHas(t, Settings{HTTPProxy: "http://plain:3128", HTTPSProxy: "http://user:word@secure:3128", NoProxy: ".cluster.local,.svc,10.0.0.0/16,cap.example.ic.gov"}) {
		t.Error("the cluster's proxy does not count although the environment has none")
	}
	for target, want := range map[string]string{
		"https://api.openshift.com/api":         "secure:3128",
		"http://plain.example.com":              "plain:3128",
		"https://cap.example.ic.gov/api":        "direct",
		"https://sts.us-iso-east-1.c2s.ic.gov/": "secure:3128",
		"https://a.b.svc:8443":                  "direct",
		"https://10.0.3.4:5000/v2/":             "direct",
	} {
		if got := through(t, target); got != want {
			t.Errorf("%s goes through %s, want %s", target, got, want)
		}
	}
}

func TestFor_FollowsAChangeOfTheClustersProxy(t *testing.T) {
	clusterHas(t, Settings{HTTPSProxy: "http://first:3128"})
	for want, s := range map[string]Settings{"second:3128": {HTTPSProxy: "http://second:3128"}, "direct": {}} {
		SetCluster(s)
		if got := through(t, "https://quay.io/v2/"); got != want {
			t.Errorf("after the change a request goes through %s, want %s", got, want)
		}
	}
}

func TestFor_TheEnvironmentComesFirst(t *testing.T) {
	clusterHas(t, Settings{HTTPSProxy: "http://cluster:3128"})
	t.Setenv("HTTPS_PROXY", "http://environment:3128")
	if SetCluster(Settings{HTTPSProxy: "http://cluster:3128"}) {
		t.Error("the cluster's proxy is said to count although the environment names one")
	}
	// net/http reads the environment once, so only that it is asked can be seen here.
	if got := through(t, "https://quay.io/v2/"); got == "cluster:3128" {
		t.Error("the cluster's proxy counts although the environment names one")
	}
}

func TestFor_WithoutAnyProxyIsDirect(t *testing.T) {
	clusterHas(t, Settings{})
	if got := through(t, "https://quay.io/v2/"); got != "direct" {
		t.Errorf("a request goes through %s", got)
	}
}

func TestSettings_PrintNoPassword(t *testing.T) {
	s := Settings{HTTPSProxy: "http://user:hunter2@proxy:3128"}
	if text := fmt.Sprintf("%v %+v %#v %s", s, s, s, s); strings.Contains(text, "hunter2") {
		t.Errorf("a password is printed: %s", text)
	}
}

func TestSettings_SayWhetherThereIsAProxy(t *testing.T) {
	for want, all := range map[string][]Settings{
		"no proxy": {{}, {NoProxy: ".svc"}},
		"a proxy":  {{HTTPProxy: "http://p:3128"}, {HTTPSProxy: "http://p:3128"}, {HTTPProxy: "http://p:3128", HTTPSProxy: "http://p:3128"}},
	} {
		for _, s := range all {
			if got := s.String(); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
	}
}
