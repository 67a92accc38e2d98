package account

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"text/template"
)

const hidden = "hunter2 s3cret"

func hiddenPair() Pair {
	return Pair{
		Line:   3,
		Source: Endpoint{Host: "h1", User: "u1", Password: NewSecret(hidden)},
		Dest:   Endpoint{Host: "h2", User: "u2", Password: NewSecret(hidden), AuthUser: "admin"},
	}
}

// holder has its pair where fmt may not call methods.
type holder struct {
	pair   Pair
	secret Secret
	at     *Secret
}

func wantHidden(t *testing.T, how, printed string) {
	t.Helper()
	if printed == "" {
		t.Errorf("%s: nothing printed", how)
	}
	for _, part := range []string{"hunter2", "s3cret", "68756e746572", "68756E746572", "[104 117", "0x68, 0x75"} {
		if strings.Contains(printed, part) {
			t.Errorf("%s shows the secret: %s", how, printed)
		}
	}
}

func TestSecretVerbs(t *testing.T) {
	secret, pair := NewSecret(hidden), hiddenPair()
	held := holder{pair: pair, secret: secret, at: &secret}
	values := map[string]any{
		"secret": secret, "pointer": &secret, "pair": pair, "pair pointer": &pair, "endpoint": pair.Source,
		"slice": []Pair{pair}, "map": map[string]Secret{"k": secret},
		"held": held, "held pointer": &held, "list": &List{Pairs: []Pair{pair}}, "any": []any{secret, held},
	}
	for name, v := range values {
		for verb := 'A'; verb <= 'z'; verb++ {
			for _, flags := range []string{"", "+", "#", "-30", "030", ".3", "+#", " "} {
				format := "%" + flags + string(verb)
				wantHidden(t, name+" "+format, fmt.Sprintf(format, v))
			}
		}
		for _, wrong := range []string{"x", "%*d", "%[3]d", "%[1]"} { // wrong calls print their arguments too
			wantHidden(t, name+" "+wrong, fmt.Sprintf(wrong, v, 1))
		}
		wantHidden(t, name+" Sprint", fmt.Sprint(v))
		wantHidden(t, name+" error", fmt.Errorf("x: %w", errors.New(fmt.Sprint(v))).Error())
	}
}

func TestSecretPlain(t *testing.T) {
	secret := NewSecret(hidden)
	tests := []struct{ name, got string }{
		{"v", fmt.Sprintf("%v", secret)},
		{"s", fmt.Sprintf("%s", secret)},
		{"q", fmt.Sprintf("%q", secret)},
		{"x", fmt.Sprintf("%x", secret)},
		{"#v", fmt.Sprintf("%#v", secret)},
		{"d", fmt.Sprintf("%d", secret)},
		{"empty", fmt.Sprint(Secret{})},
		{"String", secret.String()},
		{"GoString", secret.GoString()},
		{"LogValue", secret.LogValue().String()},
	}
	for _, tt := range tests {
		if tt.got != "[redacted]" {
			t.Errorf("%s: %q, want [redacted]", tt.name, tt.got)
		}
	}
}

func TestSecretEncoders(t *testing.T) {
	pair := hiddenPair()
	held := holder{pair: pair, secret: NewSecret(hidden)}
	var text, object bytes.Buffer
	handlers := []slog.Handler{
		slog.NewTextHandler(&text, nil), slog.NewJSONHandler(&object, nil),
	}
	for _, h := range handlers {
		log := slog.New(h)
		log.Info("x", "secret", pair.Source.Password, "pair", pair, "pointer", &pair, "held", held,
			slog.Group("g", "password", pair.Dest.Password), "list", []Pair{pair})
		log.With("secret", pair.Source.Password).Info("x")
	}
	wantHidden(t, "slog text", text.String())
	wantHidden(t, "slog JSON", object.String())
	for _, got := range []string{text.String(), object.String()} {
		if n := strings.Count(got, "[redacted]"); n < 9 {
			t.Errorf("slog: %d times [redacted], want at least 9: %s", n, got)
		}
	}

	b, err := json.Marshal(map[string]any{"pair": pair, "secret": &pair.Source.Password})
	if err != nil {
		t.Fatal(err)
	}
	wantHidden(t, "json", string(b))
	if n := strings.Count(string(b), `"[redacted]"`); n != 3 {
		t.Errorf("json: %d times [redacted], want 3: %s", n, b)
	}
	if b, err = xml.Marshal(pair); err != nil {
		t.Fatal(err)
	}
	wantHidden(t, "xml", string(b))
	var out strings.Builder
	if err := template.Must(template.New("").Parse("{{.}} {{.Source.Password}}")).Execute(&out, pair); err != nil {
		t.Fatal(err)
	}
	wantHidden(t, "template", out.String())
}

func TestSecretValue(t *testing.T) {
	a, b, other := NewSecret(hidden), NewSecret(strings.Clone(hidden)), NewSecret("x")
	if a.Reveal() != hidden || a.IsZero() {
		t.Error("a secret does not give its text back")
	}
	if !a.Equal(b) || a.Equal(other) || a.Equal(Secret{}) {
		t.Error("secrets do not compare by their text")
	}
	if zero := NewSecret(""); !zero.IsZero() || zero.Reveal() != "" || !zero.Equal(Secret{}) {
		t.Error("the empty secret is not the zero value")
	}
}
