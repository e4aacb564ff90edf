package app

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Mistake is one thing wrong with the configuration.
type Mistake struct {
	// Where is "hotlead.yaml:3:5", the name of a variable, or "" for what was said nowhere.
	Where string
	// What says what is wrong, of which key, and what to do.
	What string
	// Excerpt is the line of the file with a caret under the place, two lines; "" outside a file.
	Excerpt string
}

// ConfigError is every mistake in a configuration, at least one: so that they can be mended in one go.
type ConfigError struct {
	Mistakes []Mistake
}

func (e *ConfigError) Error() string {
	var b strings.Builder
	for i, m := range e.Mistakes {
		if i > 0 {
			b.WriteByte('\n')
		}
		if m.Where != "" {
			b.WriteString(m.Where + ": ")
		}
		b.WriteString(m.What)
		if m.Excerpt != "" {
			b.WriteString("\n" + m.Excerpt)
		}
	}
	return b.String()
}

// unusable is the mistake of a key that names files which can't be used.
func unusable(key string, err error) error {
	return &ConfigError{Mistakes: []Mistake{{What: key + ": " + err.Error()}}}
}

// loader collects settings and mistakes. places remembers where each key was last set, so that a value that turns out
// wrong later is pointed at.
type loader struct {
	config   Config
	keys     []key
	places   map[string]place
	mistakes []Mistake
}

// place is where a key was set.
type place struct {
	where   string
	excerpt string
}

func (l *loader) fail(p place, format string, args ...any) {
	l.mistakes = append(l.mistakes, Mistake{Where: p.where, What: fmt.Sprintf(format, args...), Excerpt: p.excerpt})
}

// LoadConfig reads the file named (YAML; "" for none), lays the HOTLEAD_ variables of environ ("NAME=value", as from
// os.Environ) over it, reads the files that hold secrets, and checks everything. An empty variable counts as not set.
// The error is a *ConfigError, or says why the file can't be read.
func LoadConfig(file string, environ []string) (Config, error) {
	l := &loader{config: DefaultConfig(), keys: keys(), places: map[string]place{}}
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return Config{}, fmt.Errorf("reading the configuration: %w", err)
		}
		l.readFile(file, text)
	}
	l.readEnvironment(environ)
	if len(l.mistakes) == 0 {
		l.readSecrets()
		l.check()
	}
	if len(l.mistakes) > 0 {
		return Config{}, &ConfigError{Mistakes: l.mistakes}
	}
	return l.config, nil
}

func (l *loader) key(name string) (key, bool) {
	i := slices.IndexFunc(l.keys, func(k key) bool { return k.name == name })
	if i < 0 {
		return key{}, false
	}
	return l.keys[i], true
}

// setting is a key with its text as it stands in one source.
type setting struct {
	key   key
	texts []string
	place place
}

// apply puts the settings of one source in force.
func (l *loader) apply(settings []setting) {
	for i, s := range settings {
		if s.key.instead != "" && slices.ContainsFunc(settings[:i], func(o setting) bool { return o.key.name == s.key.instead }) {
			l.fail(s.place, "%s: there is %s already; give one of the two", s.key.name, s.key.instead)
			continue
		}
		if err := s.key.set(&l.config, s.texts); err != nil {
			l.fail(s.place, "%s: %v", s.key.name, err)
			continue
		}
		l.places[s.key.name] = s.place
	}
}

// testbedVariable chooses the servers that hotlead's own tests run against; it is no setting, and not unknown either.
const testbedVariable = variablePrefix + "TESTBED"

func (l *loader) readEnvironment(environ []string) {
	var settings []setting
	for _, entry := range slices.Sorted(slices.Values(environ)) {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, variablePrefix) || name == testbedVariable || value == "" {
			continue
		}
		p := place{where: name}
		i := slices.IndexFunc(l.keys, func(k key) bool { return k.variable() == name })
		if i < 0 {
			l.fail(p, "unknown variable%s", l.suggestVariable(name))
			continue
		}
		texts := []string{value}
		if l.keys[i].many {
			texts = strings.Split(value, ",")
			for i := range texts {
				texts[i] = strings.TrimSpace(texts[i])
			}
		}
		settings = append(settings, setting{key: l.keys[i], texts: texts, place: p})
	}
	l.apply(settings)
}

// readSecrets fills the passwords that are kept in files. A line end at the file's end is not part of the secret.
func (l *loader) readSecrets() {
	for _, s := range []struct {
		key    string
		file   string
		secret *Secret
	}{
		{"kafka.sasl.password_file", l.config.Kafka.SASL.PasswordFile, &l.config.Kafka.SASL.Password},
		{"redis.password_file", l.config.Redis.PasswordFile, &l.config.Redis.Password},
	} {
		if s.file == "" {
			continue
		}
		secret, err := ReadSecret(s.file)
		if err != nil {
			l.fail(l.places[s.key], "%s: %v", s.key, err)
			continue
		}
		*s.secret = secret
	}
}

// ReadSecret reads the secret that a file holds, without the line end after it. An empty file is an error.
func ReadSecret(file string) (Secret, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("reading the secret: %w", err)
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if secret == "" {
		return "", fmt.Errorf("%s holds no secret: write it there, on one line", file)
	}
	return Secret(secret), nil
}
