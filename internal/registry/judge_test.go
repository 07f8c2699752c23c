package registry

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

func TestJudge_OnlyASuccessOfTheProofAccepts(t *testing.T) {
	quay, err := parse("quay.io", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		stage  stage
		status int
		want   Outcome
	}{
		{proof, 200, Accepted}, {proof, 299, Accepted}, {proof, 199, Unreachable}, {proof, 300, Unreachable}, {login, 200, Unreachable}, {login, 404, Unreachable},
	} {
		if got := judge(quay, findings{stage: c.stage, last: seen{host: "quay.io", status: c.status}, loggedIn: true}); got.Outcome != c.want {
			t.Errorf("%d at stage %d: %s, want %s", c.status, c.stage, got.Outcome, c.want)
		}
	}
}

func TestJudge_NamesTheHostThatDidNotAnswer(t *testing.T) {
	quay, err := parse("quay.io", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, asked := range []string{"", "cdn.example.com"} {
		want := "quay.io"
		if asked != "" {
			want = asked
		}
		got := judge(quay, findings{stage: login, err: errors.New("no answer"), last: seen{host: asked}})
		if got.Outcome != Unreachable || !strings.HasPrefix(got.Message, want+" ") {
			t.Errorf("asked was %q: %s, %s", asked, got.Outcome, got.Message)
		}
	}
}

// dying is a registry that answers as many requests as it is told to, with a challenge.
type dying struct {
	answers int
	agents  []string
}

func (d *dying) RoundTrip(request *http.Request) (*http.Response, error) {
	d.agents = append(d.agents, request.Header.Get("User-Agent"))
	if len(d.agents) > d.answers {
		return nil, errors.New("no answer")
	}
	return &http.Response{
		StatusCode: http.StatusUnauthorized, Header: http.Header{"Www-Authenticate": {`Basic realm="r"`}}, Body: http.NoBody, Request: request,
	}, nil
}

func TestCheck_OfARegistryThatDiesInTheMiddleIsUnreachable(t *testing.T) {
	for answers := range 2 {
		network := &dying{answers: answers}
		// The registry's own name is no secret, even if the password contains it.
		check := Check{Registry: "registry.example.com", Username: "u", Password: "x-registry.example.com-x"}
		result := (&Prober{Transport: network, UserAgent: "agent/1"}).Check(t.Context(), check)
		if result.Outcome != Unreachable || strings.Contains(result.Message, "redirects") {
			t.Errorf("after %d answers: %s, %s", answers, result.Outcome, result.Message)
		}
		if last := network.agents[len(network.agents)-1]; !strings.HasPrefix(last, "agent/1") {
			t.Errorf("it is asked by %q", last)
		}
	}
}

// body knows whether it was closed.
type body struct {
	strings.Reader
	closed bool
}

func (b *body) Close() error { b.closed = true; return nil }

func TestWire_ClosesWhatItDoesNotSend(t *testing.T) {
	sent := &body{}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://quay.io/token", sent)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{inner: &dying{}}
	response, err := w.RoundTrip(request)
	if response != nil {
		_ = response.Body.Close()
	}
	if !errors.Is(err, errPlainHTTP) || !sent.closed {
		t.Errorf("closed: %v, error %v", sent.closed, err)
	}
}

func TestCheckRedirect_StaysOutOfPrivateNetworks(t *testing.T) {
	at := func(url string) *http.Request {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodHead, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		return request
	}
	via := []*http.Request{at("https://10.1.1.1/v2/")}
	for url, allowed := range map[string]bool{
		"https://cdn.example.com/x": true, "https://8.8.8.8/x": true, "https://10.1.1.1/other": true, "https://[2606:4700::1]/x": true,
		"https://10.0.0.1/x": false, "https://192.168.1.1/x": false, "https://127.0.0.1/x": false, "https://[fd00::1]/x": false, "https://169.254.169.254/x": false,
	} {
		if err := checkRedirect(at(url), via); (err == nil) != allowed {
			t.Errorf("a redirect to %s: %v", url, err)
		}
	}
	for len(via) < maxRedirects {
		via = append(via, via[0])
	}
	if err := checkRedirect(at("https://cdn.example.com/x"), via); err != nil {
		t.Errorf("the last redirect that is allowed: %v", err)
	}
	if err := checkRedirect(at("https://cdn.example.com/x"), append(via, via[0])); err == nil {
		t.Error("one more is followed")
	}
}

// status answers each request with it.
type status int

func (s status) RoundTrip(request *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: int(s), Header: http.Header{}, Body: http.NoBody, Request: request}, nil
}

func TestWire_CountsOnlyASuccessAsALogin(t *testing.T) {
	for answer, want := range map[status]bool{199: false, 200: true, 299: true, 300: false, 401: false} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://quay.io/v2/", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.SetBasicAuth("u", "p")
		w := &wire{inner: answer, challenged: true}
		response, err := w.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if _, got := w.look(); got != want {
			t.Errorf("a login that is answered with %d counts: %v", answer, got)
		}
	}
}
