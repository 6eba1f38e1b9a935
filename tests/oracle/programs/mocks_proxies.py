"""Mocks whose __class__ lies, weak references and proxies, wrappers that forward everything."""

import weakref
from unittest import mock


class Service:
    def __init__(self, url):
        self.url = url
        self.calls = []

    def fetch(self, path):
        self.calls.append(path)
        return self.url + path


class Forwarding:
    def __init__(self, target):
        self.__dict__["_target"] = target

    def __getattr__(self, name):
        return getattr(self._target, name)

    def __setattr__(self, name, value):
        setattr(self._target, name, value)

    @property
    def __class__(self):
        return type(self._target)


def with_mock():
    service = mock.Mock(spec=Service)
    service.fetch.return_value = "mocked"
    result = service.fetch("/a")
    same = isinstance(service, Service)
    service.fetch.assert_called_once_with("/a")
    service.fetch.side_effect = [1, 2]
    values = [service.fetch("/b"), service.fetch("/c")]
    count = service.fetch.call_count
    return result, same, values, count


def with_patch():
    service = Service("http://x")
    with mock.patch.object(service, "fetch", return_value="patched") as fake:
        first = service.fetch("/1")
    second = service.fetch("/2")
    return first, second, fake.called


def with_weakrefs():
    service = Service("http://w")
    reference = weakref.ref(service)
    proxy = weakref.proxy(service)
    proxy.extra = "through proxy"
    proxy.calls.append("proxied")
    cache = weakref.WeakValueDictionary()
    cache["s"] = service
    before = reference() is service, len(cache), proxy.fetch("/p")
    return before, service.extra, service.calls


def with_forwarding():
    service = Service("http://f")
    wrapper = Forwarding(service)
    wrapper.url = "changed"
    wrapper.added = [1]
    result = wrapper.fetch("/q")
    return isinstance(wrapper, Service), type(wrapper) is Service, result, vars(service)


print(with_mock())
print(with_patch())
print(with_weakrefs())
print(with_forwarding())
