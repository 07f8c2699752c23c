package hosts

import (
	"net/http"
	"strings"
	"testing"
)

func TestList_AllowsTheHostsOnItAndNoOther(t *testing.T) {
	for _, tc := range []struct {
		list string
		// allowed and refused are URLs.
		allowed, refused []string
	}{
		{"", nil, []string{"https://api.openshift.com"}},
		{
			"api.openshift.com",
			[]string{"https://api.openshift.com", "https://API.OpenShift.com:443/api", "https://api.openshift.com./"},
			[]string{
				"http://api.openshift.com", "https://api.openshift.com:8443", "https://api.openshift.com.evil.example", "https://evil-api.openshift.com",
				"https://openshift.com", "https://x@api.openshift.com", "https://api.openshift.com@evil.example", "https:///x", "https://", "", "api.openshift.com",
				"https://evil.example/api.openshift.com", "https://evil.example#api.openshift.com", "//api.openshift.com",
			},
		},
		{"a.example:8443", []string{"https://a.example:8443"}, []string{"https://a.example"}},
		{"127.0.0.1:*, [::1]:*", []string{"https://127.0.0.1:34567", "https://127.0.0.1", "https://[::1]:1"}, []string{"https://127.0.0.2", "https://localhost"}},
		{"*.example.com", []string{"https://a.example.com", "https://b.a.example.com"}, []string{"https://example.com", "https://aexample.com", "https://example.com.x"}},
		{"*", []string{"https://anything.example:1"}, []string{"http://anything.example"}},
		{" A.example ,, b.example ", []string{"https://a.example", "https://b.example"}, []string{"https://c.example"}},
	} {
		l, err := Parse(tc.list)
		if err != nil {
			t.Errorf("%q: %v", tc.list, err)
			continue
		}
		for _, raw := range tc.allowed {
			if err := l.Check(raw); err != nil {
				t.Errorf("%q refuses %s: %v", tc.list, raw, err)
			}
		}
		for _, raw := range tc.refused {
			if err := l.Check(raw); err == nil {
				t.Errorf("%q allows %s", tc.list, raw)
			}
		}
	}
}

func TestParse_RefusesWhatIsNoHost(t *testing.T) {
	for _, text := range []string{"https://a.example", "a.example/x", "a b", "a.example:0", "a.example:99999", "a.example:x", "*.", "a.*.example", "*a.example", "**", "x@y", ".example", "a..b"} {
		if l, err := Parse(text); err == nil {
			t.Errorf("%q is read as %s", text, l)
		}
	}
}

func TestList_IsWrittenAsItIsRead(t *testing.T) {
	const text = "api.example.com,*.example.org:8443,127.0.0.1:*,*"
	l := MustParse(text)
	if l.String() != text {
		t.Errorf("got %s", l)
	}
	if (List{}).String() != "none" || !(List{}).Empty() {
		t.Error("the zero value is not the empty list")
	}
}

func TestCheck_RepeatsNothingOfAURLButItsHost(t *testing.T) {
	err := MustParse("a.example").Check("https://user:pass-word@b.example/path-secret?query-secret")
	if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "pass-word") || !strings.Contains(err.Error(), "b.example") {
		t.Errorf("got %v", err)
	}
}

// FuzzAllows: whatever an allowed URL looks like, it leads a client to a host of the list.
func FuzzAllows(f *testing.F) {
	for _, raw := range []string{
		"https://api.example.com/x", "https://api.example.com@evil.example", "https://a.example.org", "https://evil.example\\@api.example.com",
		"https://api.example.com%2eevil.example", "https:///api.example.com", "https://api.example.com:443:1",
	} {
		f.Add(raw)
	}
	l := MustParse("api.example.com,*.example.org")
	f.Fuzz(func(t *testing.T, raw string) {
		if l.Check(raw) != nil {
			return
		}
		request, err := http.NewRequest(http.MethodGet, raw, nil)
		if err != nil {
			return // nothing is sent
		}
		host := strings.ToLower(strings.TrimSuffix(request.URL.Hostname(), "."))
		if request.URL.Scheme != "https" || host != "api.example.com" && !strings.HasSuffix(host, ".example.org") {
			t.Fatalf("%q is allowed and leads to %q", raw, request.URL.Host)
		}
	})
}

func TestParse_TakesEachCharacterOfANameAndOfAPort(t *testing.T) {
	for list, url := range map[string]string{
		"az09-x.example": "https://az09-x.example", "[::1]": "https://[::1]", "a.example:12345": "https://a.example:12345",
		"a.example:9080": "https://a.example:9080", "a.example:65535": "https://a.example:65535",
	} {
		if l, err := Parse(list); err != nil || l.Check(url) != nil {
			t.Errorf("%q does not allow %s: %v", list, url, err)
		}
	}
	if _, err := Parse("a.example:65536"); err == nil {
		t.Error("there is no port 65536")
	}
	if _, err := Parse("https://a.example"); err == nil || !strings.Contains(err.Error(), "without https://") {
		t.Errorf("a URL is refused as %v", err)
	}
}

func TestList_IsTheValueOfAFlag(t *testing.T) {
	l := MustParse("a.example")
	if err := l.Set("not a host"); err == nil || l.String() != "a.example" {
		t.Errorf("what is no host makes it %s, %v", l, err)
	}
	if err := l.Set("b.example"); err != nil || l.String() != "b.example" || l.Type() != "hosts" {
		t.Errorf("it is %s of %s, %v", l, l.Type(), err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a constant that is no host is accepted")
		}
	}()
	MustParse("not a host")
}
