# SPDX-License-Identifier: Apache-2.0
"""Topics and records of one test. Topic names are the short ones (`event.wechat`)."""
import json
import threading
import time
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from kit.waiting import wait_for


@dataclass(frozen=True)
class Record:
    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: object  # str, or None
    value: object  # bytes, or None for a tombstone
    headers: tuple  # of (name, bytes), in order

    def header_values(self):
        """{name: [text, ...]}"""
        named = {}
        for name, value in self.headers:
            named.setdefault(name, []).append((value or b"").decode("utf-8", "replace"))
        return named

    def header(self, name):
        """Text of the header, None when absent; the last one where it (wrongly) repeats."""
        values = self.header_values().get(name)
        return values[-1] if values else None

    @property
    def id(self):
        return self.header("ce_id")

    @property
    def json(self):
        return json.loads(self.value)


def close(consumer):
    """librdkafka 2.0.2 may never close after a lost partition: then it is left behind."""
    closing = threading.Thread(target=consumer.close, daemon=True)
    closing.start()
    closing.join(10)


def _record(message):
    key = message.key()
    return Record(message.topic(), message.partition(), message.offset(), message.timestamp()[1],
                  None if key is None else key.decode("utf-8", "replace"), message.value(),
                  tuple(message.headers() or ()))


def _reader(bootstrap, topics):
    """A consumer at the beginning of {topic: number of partitions}, with an event at the end of each partition.

    It asks for offset 0, not for the beginning: librdkafka would look that up half a second later, when it knows who
    leads. Where records have been deleted, the first one left is next."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "kit-tail", "enable.auto.commit": False,
                         "enable.partition.eof": True, "auto.offset.reset": "earliest", "fetch.wait.max.ms": 10,
                         "log_level": 2})
    consumer.assign([TopicPartition(topic, p, 0) for topic, count in topics.items() for p in range(count)])
    return consumer


def _arrived(consumer, timeout):
    """Records and ends of partitions, as soon as there is one: consume() with a timeout waits for all of it to pass."""
    first = consumer.poll(timeout)
    for message in [] if first is None else [first, *consumer.consume(1000, 0)]:
        error = message.error()
        if error is None or error.code() == KafkaError._PARTITION_EOF:
            yield message
        elif not error.retriable() and error.code() not in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN):
            raise KafkaException(error)


def everything(bootstrap, topics, patience=60):
    """Each record of {topic: number of partitions}, once, up to the end that its partition has when it is reached."""
    left = {(topic, p) for topic, count in topics.items() for p in range(count)}
    consumer = _reader(bootstrap, topics)
    try:
        deadline = time.monotonic() + patience
        while left:
            assert time.monotonic() < deadline, f"nothing came for {patience} s; not at the end of {sorted(left)}"
            for message in _arrived(consumer, 0.2):
                deadline = time.monotonic() + patience
                if message.error() is None:
                    yield _record(message)
                else:
                    left.discard((message.topic(), message.partition()))
    finally:
        close(consumer)


class Tail:
    """Reads one topic from its beginning, further at each call."""

    def __init__(self, bootstrap, topic, partitions):
        self.topic = topic
        self.records = []
        self.next = dict.fromkeys(range(partitions), 0)
        self.consumer = _reader(bootstrap, {topic: partitions})

    def read_to_end(self, timeout=20):
        """Everything that is there now. `next` is past gaps too: an end-of-partition event says where the end is."""
        deadline = time.monotonic() + timeout
        ends = {p: self._end(p, deadline) for p in self.next}
        while any(self.next[p] < end for p, end in ends.items()):
            assert time.monotonic() < deadline, f"{self.topic} not read to {ends} in {timeout} s, at {self.next}"
            for message in _arrived(self.consumer, 0.2):
                self._take(message)
        return self.records

    def _end(self, partition, deadline):
        """Asked again while a broker that has just come back is not the partition's leader yet."""
        while True:
            try:
                return self.consumer.get_watermark_offsets(TopicPartition(self.topic, partition), 20)[1]
            except KafkaException:
                if time.monotonic() >= deadline:
                    raise
                self.consumer.list_topics(self.topic, 5)  # new metadata: who leads now

    def _take(self, message):
        if message.error() is None:
            self.records.append(_record(message))
            self.next[message.partition()] = message.offset() + 1
        else:
            self.next[message.partition()] = max(self.next[message.partition()], message.offset())


class Kafka:
    def __init__(self, bootstrap, prefix, contract):
        self.bootstrap = bootstrap
        self.prefix = prefix
        self.contract = contract
        self._config = {"bootstrap.servers": bootstrap, "log_level": 2}
        self._admin = AdminClient(self._config)
        self._producer = None
        self._tails = {}
        self._own = set()  # (topic, partition, offset) of what the test itself produced: not ours to validate

    def name(self, topic):
        return f"{self.prefix}.{topic}.v1"

    def topics(self):
        """{short name: number of partitions} of this test's topics."""
        begin = f"{self.prefix}."
        return {name[len(begin):].removesuffix(".v1"): len(topic.partitions)
                for name, topic in self._admin.list_topics(timeout=20).topics.items() if name.startswith(begin)}

    def create(self, *topics, partitions=3, **config):
        """Creates topics by hand (a system under test makes its own with `kabaoctl topics apply`)."""
        config = {name.replace("_", "."): str(value) for name, value in config.items()}
        self._settle(self._admin.create_topics(
            [NewTopic(self.name(topic), partitions, 1, config=config) for topic in topics]))
        wait_for(lambda: all(self.topics().get(topic) for topic in topics), 20, f"topics {topics}")

    def delete(self, *topics):
        """They are gone when it returns; what the test read of them is forgotten."""
        self._settle(self._admin.delete_topics([self.name(topic) for topic in topics], operation_timeout=20))
        wait_for(lambda: not set(topics) & set(self.topics()), 20, f"the end of {topics}")
        for topic in topics:
            if topic in self._tails:
                close(self._tails.pop(topic).consumer)

    def delete_all(self):
        names = [self.name(topic) for topic in self.topics()]
        if names:
            self._settle(self._admin.delete_topics(names, operation_timeout=20))

    @staticmethod
    def _settle(futures):
        for future in futures.values():
            future.result(30)

    def produce(self, topic, key, value, headers=(), partition=None, timestamp_ms=None):
        """One record, acknowledged; (partition, offset). value: bytes, str, a JSON-able object, or None."""
        if self._producer is None:
            self._producer = Producer({**self._config, "enable.idempotence": True, "partitioner": "murmur2_random"})
        if value is not None and not isinstance(value, (bytes, str)):
            value = json.dumps(value, ensure_ascii=False)
        done = []
        options = {} if partition is None else {"partition": partition}
        if timestamp_ms is not None:
            options["timestamp"] = timestamp_ms
        items = headers.items() if isinstance(headers, dict) else headers
        self._producer.produce(self.name(topic), value, key, headers=list(items),
                               on_delivery=lambda error, message: done.append((error, message)), **options)
        self._producer.flush(30)
        assert done and done[0][0] is None, f"produce to {topic}: {done}"
        message = done[0][1]
        self._own.add((message.topic(), message.partition(), message.offset()))
        return message.partition(), message.offset()

    def produce_many(self, topic, records):
        """(key, value, headers) of each, texts, as fast as it goes; acknowledged when it returns."""
        producer = Producer({**self._config, "partitioner": "murmur2_random", "linger.ms": 50, "batch.size": 1 << 20})

        def delivered(error, message):
            assert error is None, f"produce to {topic}: {error}"
            self._own.add((message.topic(), message.partition(), message.offset()))

        for key, value, headers in records:
            while True:
                try:
                    producer.produce(self.name(topic), value, key, headers=headers, on_delivery=delivered)
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)
        assert producer.flush(300) == 0

    def again(self, topic, record):
        """Produces a record once more, key, value, headers and timestamp as they are."""
        return self.produce(topic, record.key, record.value, record.headers, record.partition, record.timestamp_ms)

    def read(self, topic, timeout=20):
        """All records there are now, in order within a partition; [] when the topic does not exist."""
        tail = self._tails.get(topic)
        if tail is None:
            count = self.topics().get(topic, 0)
            if not count:
                return []
            tail = self._tails[topic] = Tail(self.bootstrap, self.name(topic), count)
        return list(tail.read_to_end(timeout))

    def wait(self, topic, enough=1, timeout=30, what=None):
        """Reads until there are `enough` records (a number), or enough(records) is true; returns the records."""
        seen = []

        def met():
            try:
                seen[:] = self.read(topic)
            except KafkaException:  # the broker is down: perhaps that is the test
                return False
            return len(seen) >= enough if isinstance(enough, int) else enough(seen)

        wait_for(met, timeout, lambda: f"{what or enough} in {topic}; {len(seen)} records, last {seen[-1:]}")
        return list(seen)

    def committed(self, group, topic):
        """{partition: committed offset}, without the partitions that have none."""
        partitions = [TopicPartition(self.name(topic), p) for p in range(self.topics()[topic])]
        consumer = Consumer({**self._config, "group.id": group})
        try:
            return {tp.partition: tp.offset for tp in consumer.committed(partitions, 20) if tp.offset >= 0}
        finally:
            close(consumer)

    def ends(self, topic, timeout=20):
        """{partition: offset of the next record}; KafkaException when the broker does not answer in time."""
        consumer = Consumer({**self._config, "group.id": "kit-ends"})
        try:
            count = len(consumer.list_topics(self.name(topic), timeout).topics[self.name(topic)].partitions)
            return {p: consumer.get_watermark_offsets(TopicPartition(self.name(topic), p), timeout)[1]
                    for p in range(count)}
        finally:
            close(consumer)

    def wait_done(self, worker, topic, timeout=30):
        """Until the worker's group has committed everything in the topic."""
        group, ends = f"{self.prefix}-{worker}", self.ends(topic)

        def done():
            committed = self.committed(group, topic)
            return all(committed.get(p, 0) >= end for p, end in ends.items())

        wait_for(done, timeout, lambda: f"{group} at {ends} of {topic}; is at {self.committed(group, topic)}")

    def check_records(self):
        """Reads all of this test's topics and judges every record that the test did not produce itself."""
        found = []
        redriven = f"{self.prefix}.redrive."
        for record in everything(self.bootstrap, {self.name(topic): count for topic, count in self.topics().items()}):
            if record.topic.startswith(redriven) or (record.topic, record.partition, record.offset) in self._own:
                continue
            found += [f"{record.topic} {record.partition}:{record.offset} {problem}\n    {record}"
                      for problem in self.contract.problems(record)]
        assert not found, f"{len(found)} broken promises in records:\n" + "\n".join(found[:20])

    def close(self):
        for tail in self._tails.values():
            close(tail.consumer)
        self._tails.clear()
