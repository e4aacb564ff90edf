package app

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// yamlFile is a configuration file in reading.
type yamlFile struct {
	name  string
	lines []string
}

// readFile puts the settings of a YAML file in force. Nothing is skipped: what has no meaning is a mistake.
func (l *loader) readFile(name string, text []byte) {
	f := yamlFile{name: name, lines: strings.Split(string(text), "\n")}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		var syntax yaml.Error
		if errors.As(err, &syntax) {
			p, said := f.place(syntax.GetToken()), syntax.GetMessage()
			if p.excerpt == "" {
				said = "this is no YAML" // what the parser says may repeat the line
			}
			l.fail(p, "%s", said)
		} else {
			l.fail(place{where: name}, "%v", err)
		}
		return
	}
	var settings []setting
	for i, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if i > 0 {
			l.fail(f.place(doc.Body.GetToken()), "a second document: put everything into one")
			return
		}
		settings = l.section(f, "", doc.Body)
	}
	l.apply(settings)
}

// section is the settings below the section named ("" for the whole file).
func (l *loader) section(f yamlFile, name string, node ast.Node) []setting {
	mapping, ok := node.(ast.MapNode)
	if !ok {
		if _, null := node.(*ast.NullNode); null {
			return nil
		}
		l.fail(f.place(node.GetToken()), "%s holds keys, not a value: %s", sectionWords(name), strings.Join(l.children(name), ", "))
		return nil
	}
	var settings []setting
	for entries := mapping.MapRange(); entries.Next(); {
		settings = append(settings, l.entry(f, name, entries.KeyValue())...)
	}
	return settings
}

func (l *loader) entry(f yamlFile, section string, entry *ast.MappingValueNode) []setting {
	at := entry.Key.GetToken()
	name := strings.TrimPrefix(section+"."+at.Value, ".")
	k, ok := l.key(name)
	switch {
	case !ok && len(l.children(name)) > 0:
		return l.section(f, name, entry.Value)
	case !ok:
		p, near := f.place(at), l.suggestKey(section, at.Value)
		told := firstWord.FindString(name)
		if p.excerpt == "" && !strings.Contains(near, "mean") {
			told = "in " + sectionWords(section) // a slip of the pen makes keys of values
		}
		l.fail(p, "unknown key %s%s", told, near)
		return nil
	}
	texts, ok := l.values(f, k, entry.Value)
	if !ok {
		return nil
	}
	return []setting{{key: k, texts: texts, place: f.place(entry.Value.GetToken())}}
}

// values is the text of a scalar, or of each scalar of a sequence. ok is false where the value is left empty, which says
// nothing, and where it is a mistake.
func (l *loader) values(f yamlFile, k key, node ast.Node) (texts []string, ok bool) {
	switch n := node.(type) {
	case *ast.NullNode:
		return nil, false
	case *ast.SequenceNode:
		if !k.many {
			l.fail(f.place(n.GetToken()), "%s: takes one value, not a list", k.name)
			return nil, false
		}
		for _, v := range n.Values {
			text, ok := scalar(v)
			if !ok {
				l.fail(f.place(v.GetToken()), "%s: holds plain values only", k.name)
				return nil, false
			}
			texts = append(texts, text)
		}
		return texts, true
	default:
		text, ok := scalar(n)
		if !ok {
			l.fail(f.place(n.GetToken()), "%s: takes a plain value", k.name)
			return nil, false
		}
		return []string{text}, true
	}
}

// scalar is the text of a plain value as it was written, so that a password of digits stays what it is.
func scalar(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	case *ast.MappingNode:
		return address(n)
	default:
		return "", false
	}
}

// address puts host:port together again: in a list within braces, {addrs: [a:1]}, the parser takes it for a key and its
// value, although only a colon with a space behind it would make it that.
func address(n *ast.MappingNode) (string, bool) {
	if len(n.Values) != 1 {
		return "", false
	}
	key, colon, value := n.Values[0].Key.GetToken(), n.Values[0].GetToken(), n.Values[0].Value
	host := key.Position.Column + utf8.RuneCountInString(key.Value)
	port, ok := value.(*ast.IntegerNode)
	if !ok || colon.Position.Column != host || port.Token.Position.Line != colon.Position.Line || port.Token.Position.Column != host+1 {
		return "", false
	}
	return key.Value + ":" + port.Token.Value, true
}

// place points at a token: file, line and column, and the line with a caret below, unless a secret may stand in it.
func (f yamlFile) place(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{where: f.name}
	}
	line, column := t.Position.Line, t.Position.Column
	p := place{where: fmt.Sprintf("%s:%d:%d", f.name, line, column)}
	if line >= 1 && line <= len(f.lines) && !f.mayTellSecret(line-1) {
		source := strings.TrimRight(f.lines[line-1], "\r")
		p.excerpt = "    " + source + "\n    " + strings.Repeat(" ", max(column-1, 0)) + "^"
	}
	return p
}

func sectionWords(name string) string {
	if name == "" {
		return "the configuration"
	}
	return name
}

// children are the names directly below a section.
func (l *loader) children(section string) []string {
	var names []string
	for _, k := range l.keys {
		rest := k.name
		if section != "" {
			var below bool
			if rest, below = strings.CutPrefix(k.name, section+"."); !below {
				continue
			}
		}
		child, _, _ := strings.Cut(rest, ".")
		if len(names) == 0 || names[len(names)-1] != child {
			names = append(names, child)
		}
	}
	return names
}
